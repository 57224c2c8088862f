use super::*;

fn closed(second: u64, through: u64) -> WorkerReport {
    WorkerReport::Closed(Box::new(ClosedSecond {
        second: Second(second),
        through: Second(through),
        counts: SecondCounts::default(),
        amendments: Vec::new(),
        incomplete: Vec::new(),
        scopes: Arc::default(),
        worker: WorkerState::default(),
    }))
}

/// What comes out, in short: second, through, workers with a part in it.
fn drain(assembly: &mut Assembly) -> Vec<String> {
    let next = || assembly.next_merged();
    std::iter::from_fn(next)
        .map(|merged| shown(&merged))
        .collect()
}

fn shown(merged: &JudgeInput) -> String {
    match merged {
        JudgeInput::Opened(second) => format!("opened {}", second.0),
        JudgeInput::Stepped(second) => format!("stepped {}", second.0),
        JudgeInput::Second {
            second,
            through,
            parts,
        } => {
            let workers: Vec<_> = parts.iter().map(|part| part.number).collect();
            format!("{}-{} {workers:?}", second.0, through.0)
        }
    }
}

fn opened() -> Assembly {
    let mut assembly = Assembly::new(2, StepDetection::Apart);
    assembly.push(0, WorkerReport::Opened(Second(5)));
    assert!(assembly.next_merged().is_none(), "the other has not begun");
    assembly.push(1, WorkerReport::Opened(Second(6)));
    assert_eq!(drain(&mut assembly), ["opened 6"]);
    assembly
}

#[test]
fn a_second_waits_for_every_worker() {
    let mut assembly = opened();
    assembly.push(0, closed(5, 5));
    assembly.push(0, closed(6, 6));
    assert_eq!(
        drain(&mut assembly),
        ["5-5 [0]"],
        "the other opened in 6, so it has no 5"
    );
    assert_eq!(assembly.slowest(), Some(1));
    assembly.push(1, closed(6, 6));
    assert_eq!(drain(&mut assembly), ["6-6 [0, 1]"]);
}

#[test]
fn idle_time_of_one_ends_where_the_other_has_something() {
    let mut assembly = opened();
    assembly.push(0, closed(6, 20));
    assembly.push(1, closed(6, 9));
    assembly.push(1, closed(10, 15));
    assert_eq!(drain(&mut assembly), ["6-9 [0, 1]", "10-15 [0, 1]"]);
    assembly.finish(1);
    assert_eq!(
        drain(&mut assembly),
        ["16-20 [0]"],
        "what was left of the idle time"
    );
    assembly.finish(0);
    assert_eq!((drain(&mut assembly).len(), assembly.slowest()), (0, None));
}

#[test]
fn a_worker_that_is_gone_is_not_waited_for() {
    let mut assembly = opened();
    assembly.push(0, closed(6, 6));
    assembly.push(0, closed(7, 7));
    assert_eq!(drain(&mut assembly), [] as [&str; 0]);
    assembly.finish(1);
    assert_eq!(drain(&mut assembly), ["6-6 [0]", "7-7 [0]"]);
}

#[test]
fn a_step_back_comes_after_what_was_counted_before_it() {
    let mut assembly = opened();
    assembly.push(0, closed(6, 6));
    assembly.push(0, WorkerReport::Stepped(Second(2)));
    assembly.push(0, closed(2, 2));
    assembly.push(1, closed(6, 6));
    assembly.push(1, closed(7, 7));
    assembly.push(1, WorkerReport::Stepped(Second(2)));
    assembly.push(1, closed(2, 2));
    let out = drain(&mut assembly);
    assert_eq!(out.last().unwrap(), "2-2 [0, 1]");
    let place = |what: &str| out.iter().position(|line| line == what).unwrap();
    assert!(place("6-6 [0, 1]") < place("stepped 2"));
    assert!(out.iter().any(|line| line.starts_with("7-7")), "{out:?}");
}

#[test]
fn a_worker_that_never_began_is_not_waited_for_once_it_is_over() {
    let mut assembly = Assembly::new(2, StepDetection::Apart);
    assembly.push(0, WorkerReport::Opened(Second(5)));
    assembly.push(0, closed(5, 5));
    assembly.finish(1);
    assert_eq!(drain(&mut assembly), ["opened 5", "5-5 [0]"]);
}

#[test]
fn workers_that_are_paced_together_step_together() {
    let mut assembly = Assembly::new(2, StepDetection::Together);
    assembly.push(0, WorkerReport::Opened(Second(6)));
    assembly.push(1, WorkerReport::Opened(Second(6)));
    for report in [closed(6, 6), WorkerReport::Stepped(Second(2)), closed(2, 6)] {
        assembly.push(0, report);
    }
    assert_eq!(drain(&mut assembly), ["opened 6"]);
    assert_eq!(assembly.slowest(), Some(1), "the other has stepped already");
    assembly.push(1, closed(6, 6));
    assert_eq!(drain(&mut assembly), ["6-6 [0, 1]"]);
    assembly.push(1, WorkerReport::Stepped(Second(2)));
    assert_eq!(drain(&mut assembly), ["stepped 2"]);
    assembly.push(1, closed(2, 2));
    assert_eq!(drain(&mut assembly), ["2-2 [0, 1]"]);
}
