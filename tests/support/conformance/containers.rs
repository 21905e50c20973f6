//! What steps see of one another where they are isolated: their files, processes, names and ports. In a place without isolation there is nothing
//! to see, and these cases say so by ending.

use super::place::{Bench, Place, Sink, shell, then, within};
use lp_backend::{CancelHandle, CancelStage, EnvText, StepExit};
use lp_model::{Step, StepKind};
use std::time::Duration;

async fn is_isolated(place: &dyn Place) -> bool {
    place.backend().probe(None).await.expect("the place answers").isolated
}

/// A service that only waits, so that the stage has a network.
fn idle_service(number: u32) -> Step {
    let mut service = shell(number, "idle", "exec sleep 600");
    service.kind = StepKind::Service;
    service.detached = true;
    service
}

/// Runs a script with a service beside it, if there is one, and without.
async fn in_every_company(place: &dyn Place, steps: &dyn Fn() -> Vec<Step>, check: &dyn Fn(usize, String)) {
    for with_service in [false, true] {
        let mut all = steps();
        let count = all.len();
        if with_service {
            all.push(idle_service(count as u32 + 1));
        }
        let bench = Bench::ready(place, all).await;
        let (handle, cancel) = CancelHandle::new(Duration::from_secs(10));
        let sink = Sink::new();
        let service = async {
            if with_service {
                let exit = bench.run_with(&bench.context(count as u32 + 1), &sink, &cancel).await;
                assert_eq!(exit.expect("it was found out"), StepExit::Killed);
            }
        };
        let others = async {
            if with_service {
                sink.until("the start of the service", |heard| heard.started == 1).await;
            }
            for number in 1..=count {
                check(number, bench.output(number as u32).await);
            }
            handle.advance(CancelStage::Kill);
        };
        tokio::join!(service, others);
        bench.clear(place).await;
    }
}

/// What a step writes outside the working copy is not there for the next one, also not in the files that name hosts; neither is what it
/// has left running.
pub async fn steps_see_nothing_of_one_another_but_the_files(place: &dyn Place) {
    if !is_isolated(place).await {
        return;
    }
    let leave = "set -e; echo x > /tmp/left; echo x > /etc/left; echo x > /root/left; echo 10.9.8.7 left >> /etc/hosts; \
                 echo '# left' >> /etc/resolv.conf; echo left > /etc/hostname; (sleep 611 &) ; echo done";
    let look = "ls /tmp/left /etc/left /root/left 2>/dev/null; grep -s left /etc/hosts /etc/resolv.conf /etc/hostname; ps -o args | grep -c '^sleep 611'";
    let steps =
        || vec![shell(1, "a", leave), then(shell(2, "b", &format!("{look}; {leave}"))), then(shell(3, "c", &format!("{look}; true")))];
    let check = |number: usize, text: String| assert_eq!(text, ["done\n", "0\ndone\n", "0\n"][number - 1], "step {number}");
    in_every_company(place, &steps, &check).await;
}

/// A step that offers something finds it under its own name, alone, in a row or beside others; and it has a host name.
pub async fn a_step_finds_itself_by_its_name(place: &dyn Place) {
    if !is_isolated(place).await {
        return;
    }
    let script = |name: &str| {
        format!(
            "mkdir -p /tmp/w && echo mine > /tmp/w/index.html && httpd -p 8080 -h /tmp/w; wget -q -O - http://{name}:8080/; \
             wget -q -O - http://localhost:8080/; wget -q -O - http://$(hostname):8080/; test -n \"$(hostname)\" && test \"$(hostname)\" = \"$(hostname)\""
        )
    };
    let check = |_: usize, text: String| assert_eq!(text, "mine\nmine\nmine\n");
    in_every_company(place, &|| vec![shell(1, "alone", &script("alone"))], &check).await;
    let row = || vec![shell(1, "first", &script("first")), then(shell(2, "second", &script("second")))];
    in_every_company(place, &row, &check).await;
    let beside = || vec![shell(1, "left", &script("left")), shell(2, "right", &script("right"))];
    in_every_company(place, &beside, &check).await;
}

/// What a step had listened on is free when it has ended.
pub async fn a_port_is_free_again_for_the_next_step(place: &dyn Place) {
    if !is_isolated(place).await {
        return;
    }
    let script = "mkdir -p /tmp/w && echo here > /tmp/w/index.html; wget -q -O - http://localhost:8080/ 2>/dev/null; \
                  httpd -p 8080 -h /tmp/w && wget -q -O - http://localhost:8080/";
    let steps = || vec![shell(1, "a", script), then(shell(2, "b", script)), then(shell(3, "c", script))];
    in_every_company(place, &steps, &|number, text| assert_eq!(text, "here\n", "step {number}")).await;
}

/// Steps that run at the same time do not meet on `localhost`, but by name.
pub async fn steps_beside_one_another_have_ports_of_their_own(place: &dyn Place) {
    if !is_isolated(place).await {
        return;
    }
    let script = |mine: &str, other: &str| {
        format!(
            "mkdir -p /tmp/w && echo {mine} > /tmp/w/index.html && httpd -p 8080 -h /tmp/w; touch up-{mine}; \
             until test -e up-{other}; do sleep 0.05; done; wget -q -O - http://localhost:8080/; wget -q -O - http://{other}:8080/; \
             touch done-{mine}; until test -e done-{other}; do sleep 0.05; done"
        )
    };
    let bench = Bench::ready(place, vec![shell(1, "a", &script("a", "b")), shell(2, "b", &script("b", "a"))]).await;
    let contexts = [bench.context(1), bench.context(2)].map(|mut context| {
        context.env.push(("X".into(), EnvText::Plain("y".into())));
        context
    });
    let run = async |context| {
        let (exit, heard) = bench.run_context(context).await;
        assert_eq!(exit.expect("it was found out"), StepExit::Code(0));
        heard.text()
    };
    let (a, b) = within(60, "two steps that wait for each other", async { tokio::join!(run(&contexts[0]), run(&contexts[1])) }).await;
    assert_eq!((a.as_str(), b.as_str()), ("a\nb\n", "b\na\n"));
    bench.clear(place).await;
}
