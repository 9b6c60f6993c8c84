//! `imrs doctor`: what keeps this node from being reached, and whom to tell.

use super::{Doctor, Exit, Output, check_config};
use crate::doctor::{Finding, SCHEMA, Verdict, accepted, gather, judge, refused};
use serde_json::json;
use std::io::Write;

/// Makes all checks and prints them; the worst says the exit code.
pub(super) fn run(args: &Doctor) -> anyhow::Result<Exit> {
    let findings = match check_config::examine(&args.config) {
        Err(error) => vec![refused(&format!("{error:#}"))],
        Ok(examined) => {
            let evidence = gather::gather(&examined.config);
            let mut findings = vec![accepted(&args.config)];
            findings.extend(judge::judge(&evidence));
            findings
        }
    };
    let text = match args.output {
        Output::Text => findings.iter().map(line).collect(),
        Output::Json => {
            let all = json!({ "schema": SCHEMA, "findings": findings });
            serde_json::to_string_pretty(&all)? + "\n"
        }
    };
    std::io::stdout().write_all(text.as_bytes())?;
    let worst = |verdict| findings.iter().any(|finding| finding.verdict == verdict);
    Ok(match (worst(Verdict::Wrong), worst(Verdict::Unsure)) {
        (true, _) => Exit::Failed,
        (false, true) => Exit::Degraded,
        (false, false) => Exit::Well,
    })
}

fn line(finding: &Finding) -> String {
    let verdict = match finding.verdict {
        Verdict::Well => "well",
        Verdict::Unsure => "unsure",
        Verdict::Wrong => "WRONG",
    };
    let mut text = format!("{verdict:7} {}: {}\n", finding.check, finding.seen);
    if let Some(remedy) = &finding.remedy {
        text += &format!("        → {remedy}\n");
    }
    text
}
