//! A thread that goes on beside the rest of a scene until it is told to end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, JoinHandle};

/// Work on a thread of its own. It is ended, and waited for, when dropped.
#[derive(Debug)]
pub(super) struct Task {
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Task {
    /// Begins; `work` returns soon after the flag that it is given was raised.
    pub(super) fn start(work: impl FnOnce(&AtomicBool) + Send + 'static) -> Task {
        let ends = Arc::new(AtomicBool::new(false));
        let until = Arc::clone(&ends);
        Task {
            ends,
            thread: Some(thread::spawn(move || work(&until))),
        }
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.ends.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            // One that panicked has stopped as well.
            let _ = thread.join();
        }
    }
}
