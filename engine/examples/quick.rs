use affekt_engine::backend::{Backend, Mode, Slot, UpdateRule, cpu::CpuBackend};
use affekt_engine::net::{Depth, ResNetSpec, Stem, Weights};
use std::time::Instant;
fn cpu_ms() -> f64 {
    let s = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let _ = s;
    let mut total = 0.0;
    for t in std::fs::read_dir("/proc/self/task").unwrap() {
        let s = std::fs::read_to_string(t.unwrap().path().join("schedstat")).unwrap_or_default();
        total += s.split(' ').next().and_then(|v| v.parse::<f64>().ok()).unwrap_or(0.0);
    }
    total / 1e6
}
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let depth = match a[1].as_str() {
        "18" => Depth::ResNet18,
        "34" => Depth::ResNet34,
        _ => Depth::ResNet50,
    };
    let (size, batch): (usize, usize) = (a[2].parse().unwrap(), a[3].parse().unwrap());
    let width: f32 = a.get(5).map_or(1.0, |w| w.parse().unwrap());
    let stem = match a.get(6).map(String::as_str) {
        Some("no_pool") => Stem::NoPool,
        Some("small") => Stem::Small,
        _ => Stem::Imagenet,
    };
    let g = ResNetSpec { depth, size, channels: 3, classes: 8, width, stem }.graph().unwrap();
    let b = CpuBackend::new().unwrap();
    println!("{}", b.describe());
    let mut n = b.network(&g, &Weights::initial(&g, 1)).unwrap();
    let x: Vec<f32> =
        (0..g.input().len() * batch).map(|i| ((i * 7919) % 1000) as f32 / 500.0 - 1.0).collect();
    let d = vec![0.01; 8 * batch];
    for mode in a[4].split(',') {
        let mut times = vec![];
        let mut cpus: Vec<f64> = vec![];
        let start = Instant::now();
        while start.elapsed().as_secs_f64() < 4.0 || times.len() < 3 {
            let t = Instant::now();
            let c = cpu_ms();
            if mode == "infer" {
                n.forward(&x, batch, Mode::Infer).unwrap();
            } else if mode == "fwd" {
                n.forward(&x, batch, Mode::Train).unwrap();
            } else {
                n.forward(&x, batch, Mode::Train).unwrap();
                n.backward(&d, Slot::First).unwrap();
                n.update(
                    Slot::First,
                    &UpdateRule::Sgd { learning_rate: 1e-3, momentum: 0.9, weight_decay: 5e-4, scale: 1.0 },
                )
                .unwrap();
            }
            times.push(t.elapsed().as_secs_f64() * 1e3);
            cpus.push((cpu_ms() - c) / 2.0);
        }
        times.sort_by(f64::total_cmp);
        cpus.sort_by(f64::total_cmp);
        let gf =
            2.0 * g.multiply_adds() as f64 * batch as f64 / 1e9 * if mode == "train" { 3.0 } else { 1.0 };
        println!(
            "{mode} cpu/2 min {:.2} median {:.2} = {:.0} GFLOP/s; wall min {:.2} median {:.2} ms, {:.2} ms/image, {:.0} GFLOP/s",
            cpus[0],
            cpus[cpus.len() / 2],
            gf / cpus[0] * 1e3,
            times[0],
            times[times.len() / 2],
            times[0] / batch as f64,
            gf / times[0] * 1e3
        );
    }
}
