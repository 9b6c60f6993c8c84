//! Lives through worlds: `imrs-sim --seed 7` one, `imrs-sim --from 1000 --seeds 500` many.

use imrs_sim::chaos;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (mut from, mut seeds) = (0, 1);
    while let Some(option) = arguments.next() {
        let value = arguments.next().and_then(|value| value.parse().ok());
        match (option.as_str(), value) {
            ("--seed" | "--from", Some(value)) => from = value,
            ("--seeds", Some(value)) => seeds = value,
            _ => {
                eprintln!("usage: imrs-sim [--seed N | --from N] [--seeds COUNT]");
                return ExitCode::from(2);
            }
        }
    }
    let mut failures = 0;
    for seed in from..from + seeds {
        match chaos::live(seed) {
            Ok(tally) => println!("seed {seed}: {tally:?}"),
            Err(violation) => {
                failures += 1;
                eprintln!("{violation}");
            }
        }
    }
    match failures {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
