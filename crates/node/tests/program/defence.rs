//! What the program says of the files that it defends itself by.

use super::support::{Server, TestRoot};
use std::fs;

#[test]
fn a_bad_blocklist_needs_attention_until_a_good_one_is_read() {
    let root = TestRoot::new(7);
    let (file, list) = (root.path("imrs.toml"), root.path("blocked"));
    let text = "[access]\nblocklist = \"blocked\"\n\n\
                [[zone]]\nname = \".\"\nfile = \"root.zone\"\nanchors = \"anchors.ds\"\n";
    fs::write(&file, text).unwrap();
    fs::write(&list, "192.0.2.0/24\n").unwrap();
    let server = Server::start(root.folder.path(), &["--config", &file]);
    let check = |text: &str, expected: &str, code: i32| {
        fs::write(&list, text).unwrap();
        let (reply, exit) = server.ctl(&["reload"]);
        assert!(reply.contains(expected), "{reply}");
        assert_eq!(exit, code, "{reply}");
        let (status, exit) = server.ctl(&["status"]);
        assert_eq!(exit, code, "{status}");
        let is_told = status.contains("ATTENTION  who is blocked stays as it was: ");
        assert_eq!(is_told, code == 3, "{status}");
    };
    check("192.0.2.0/24\n", "blocked  1 prefixes\n", 0);
    check("nobody\n", "1 prefixes as before; REFUSED: ", 3);
    check("192.0.2.0/24\n203.0.113.9\n", "blocked  2 prefixes\n", 0);
}
