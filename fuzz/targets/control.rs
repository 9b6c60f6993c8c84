//! Any line from the control socket: as a request, and as a reply that is shown to an operator.
#![no_main]

use imrs_node::control::text::render;
use imrs_node::control::v1::{Command, CookieOrder, Message, Request, SCHEMA};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|line: &[u8]| {
    match Request::read(line) {
        Ok(command) => check(command),
        Err(message) => assert!(!message.is_empty()),
    }
    if let Ok(message) = serde_json::from_slice::<Message>(line) {
        let text = render(&message.reply);
        assert!(text.ends_with('\n'), "{text:?}");
        let again = serde_json::to_vec(&message).expect("it can be written");
        let again: Message = serde_json::from_slice(&again).expect("and read again");
        assert_eq!(render(&again.reply), text);
    }
});

/// What is understood is written and understood again, and shows no secret.
fn check(command: Command) {
    assert!(!command.patience().is_zero());
    if let Command::Cookies {
        order: Some(order @ CookieOrder::Stage { .. }),
    } = &command
    {
        assert!(format!("{order:?}").contains("(secret)"));
    }
    let request = Request {
        schema: SCHEMA.to_owned(),
        command: command.clone(),
    };
    let line = serde_json::to_vec(&request).expect("it can be written");
    assert!(!line.contains(&b'\n'), "a request is one line");
    assert_eq!(Request::read(&line), Ok(command));
}
