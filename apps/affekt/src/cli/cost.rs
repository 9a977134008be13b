//! What a run will cost: its device, network and memory before the first step, and after some steps the time of one and of all.

use std::time::{Duration, Instant};

use affekt_engine::backend::MemoryNeed;
use affekt_engine::files::amount;
use affekt_engine::world::{Run, RunCost};

/// Steps that are measured at the least, after one that makes everything ready and is not.
const LEAST_STEPS: u64 = 3;
/// Time that is measured at the least.
const LEAST_TIME: Duration = Duration::from_secs(1);
/// From here on it is said how to make it shorter.
const LONG: Duration = Duration::from_hours(24);

/// Watches the first steps of a run, and tells what all of them will take.
pub struct Cost {
    shorter: &'static str,
    /// Work of runs that follow on the same network; see [`Run::work`].
    after: u64,
    /// When the first step ended, and how many steps were made by then.
    since: Option<(Instant, u64)>,
    told: bool,
}

impl Cost {
    /// Of a run, and of others like it that follow, of so much work; `shorter` says what makes it shorter.
    pub fn new(after: u64, shorter: &'static str) -> Self {
        Self { shorter, after, since: None, told: false }
    }

    /// Looks at the run after a step, and says what is left of it once that is known.
    pub fn after_step(&mut self, run: &impl Run) -> Option<String> {
        let done = run.steps_done();
        let (start, from) = *self.since.get_or_insert_with(|| (Instant::now(), done));
        let took = start.elapsed();
        if self.told || run.is_done() || done < from + LEAST_STEPS || took < LEAST_TIME {
            return None;
        }
        self.told = true;
        let unit = took.as_secs_f64() / run.work(from..done).max(1) as f64;
        let times = |work: u64| Duration::from_secs_f64((unit * work as f64).min(1e12));
        let step = took.div_f64((done - from) as f64);
        let (left, all) = (run.work(done..run.steps()), run.work(done..run.steps()) + self.after);
        let place = if run.needs().is_processor { "this processor" } else { "this GPU" };
        let whole = (self.after > 0).then(|| times(all));
        Some(in_words(step, (done, run.steps()), times(left), whole, place, self.shorter))
    }
}

/// What is known before the first step, and what takes how much memory, in a line each.
pub fn before(cost: &RunCost) -> String {
    let RunCost { device, is_processor, network, parameters, memory, memory_there } = cost;
    let there = memory_there.map_or(String::new(), |there| format!(" of {}", amount(there)));
    let needed = memory.on_device(*is_processor);
    let beside = match memory.total() - needed {
        0 => String::new(),
        beside => format!(", and {} of this machine's", amount(beside)),
    };
    format!(
        "cost: {device}; {network}, {} parameters; memory: about {}{there}{beside}\nmemory: {}",
        count(*parameters),
        amount(needed),
        in_parts(memory)
    )
}

/// Every part, those of one network together.
fn in_parts(memory: &MemoryNeed) -> String {
    let (mut text, mut owner) = (String::new(), "");
    for part in memory.parts() {
        let between = match (text.is_empty(), part.owner == owner) {
            (true, _) => "",
            (false, true) => ", ",
            (false, false) => "; ",
        };
        text.push_str(between);
        if part.owner != owner {
            text.push_str(&part.owner);
            text.push_str(if part.what.is_empty() { "" } else { ": " });
        }
        text.push_str(part.what);
        text.push(' ');
        text.push_str(&amount(part.bytes));
        owner = &part.owner;
    }
    text
}

fn in_words(
    step: Duration,
    (done, steps): (u64, u64),
    left: Duration,
    whole: Option<Duration>,
    place: &str,
    shorter: &str,
) -> String {
    let mut text = format!(
        "cost: {} a step now; the {} steps that are left take about {} on {place}",
        span(step),
        steps - done,
        span(left)
    );
    if let Some(whole) = whole {
        text = format!("{text}, and with the students that follow about {}", span(whole));
    }
    if whole.unwrap_or(left) >= LONG {
        text = format!("{text}. To make it shorter: {shorter}");
    }
    text
}

/// A number of things, as people say it.
fn count(n: usize) -> String {
    match n {
        0..10_000 => n.to_string(),
        10_000..1_000_000 => format!("{:.0} thousand", n as f64 / 1e3),
        _ => format!("{:.1} million", n as f64 / 1e6),
    }
}

/// A time, as exactly as people want to know it.
fn span(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    let (minutes, hours, days) = (seconds / 60.0, seconds / 3600.0, seconds / 86_400.0);
    match seconds {
        s if s < 0.9995 => format!("{:.0} ms", s * 1e3),
        s if s < 9.95 => format!("{s:.1} s"),
        s if s < 99.5 => format!("{s:.0} s"),
        _ if minutes < 99.5 => format!("{minutes:.0} min"),
        _ if hours < 47.5 => format!("{hours:.0} hours"),
        _ => format!("{days:.0} days"),
    }
}

#[cfg(test)]
mod tests {
    use affekt_engine::backend::cpu::CpuBackend;
    use affekt_engine::net::{GraphBuilder, Shape};

    use super::*;

    #[test]
    fn a_long_run_says_how_long_and_what_makes_it_shorter() {
        let words = |step, done, left, whole| {
            let [step, left] = [step, left].map(Duration::from_secs_f64);
            in_words(step, (done, 100_000), left, whole, "this processor", "--backend wgpu")
        };
        assert_eq!(
            words(23.3, 4, 2_330_000.0, None),
            "cost: 23 s a step now; the 99996 steps that are left take about 27 days on this processor. To make it shorter: \
             --backend wgpu"
        );
        assert_eq!(
            words(0.02, 99_900, 2.0, Some(Duration::from_mins(4))),
            "cost: 20 ms a step now; the 100 steps that are left take about 2.0 s on this processor, and with the students that follow \
             about 4 min"
        );
        assert!(words(0.02, 99_900, 2.0, Some(LONG)).ends_with("To make it shorter: --backend wgpu"));
    }

    #[test]
    fn what_is_known_before_a_run_is_its_device_network_and_memory() {
        let mut g = GraphBuilder::new(Shape { h: 256, w: 256, c: 4 });
        let answer = g.linear("fc", 0, 4);
        let graph = g.finish(answer);
        let cpu = CpuBackend::new().expect("a processor");
        let memory = MemoryNeed::default().answering(&cpu, "an evaluation", &graph, 1024).expect("a plan");
        let mut cost = RunCost {
            device: "cpu: avx2, 2 threads".into(),
            is_processor: true,
            network: "resnet50 of 224 pixels".into(),
            parameters: 23_524_424,
            memory: memory.inputs("pictures ahead", &graph, 256),
            memory_there: Some(24 << 30),
        };
        assert_eq!(
            before(&cost),
            "cost: cpu: avx2, 2 threads; resnet50 of 224 pixels, 23.5 million parameters; memory: about 1.3 GiB of 24.0 GiB\n\
             memory: an evaluation: weights 4.0 MiB, activations 1.0 GiB; pictures ahead 256.0 MiB"
        );
        (cost.parameters, cost.memory_there) = (43_210, None);
        assert!(before(&cost).contains("43 thousand parameters; memory: about 1.3 GiB\n"));
        cost.is_processor = false;
        assert!(before(&cost).contains("memory: about 1.0 GiB, and 256.0 MiB of this machine's\n"));
    }
}
