// How one parameter changes: SGD with momentum, AdamW, and the moving average.

struct Update {
    len: u32,
    // SGD: momentum. AdamW: beta 1. Average: decay.
    first_decay: f32,
    // AdamW: beta 2.
    second_decay: f32,
    // Factor on the gradient.
    scale: f32,
    // SGD: weight decay. AdamW: learning rate x weight decay.
    weight_decay: f32,
    // AdamW's is divided by 1 - beta1^step.
    learning_rate: f32,
    // 1 / sqrt(1 - beta2^step)
    correction: f32,
    epsilon: f32,
}

@group(0) @binding(0) var<uniform> u: Update;

// A value with what is kept beside it.
struct Moved {
    value: f32,
    first: f32,
    second: f32,
}

fn sgd_rule(old: Moved, gradient: f32) -> Moved {
    let v = u.first_decay * old.first + (u.scale * gradient + u.weight_decay * old.value);
    return Moved(old.value - u.learning_rate * v, v, 0.0);
}

fn adamw_rule(old: Moved, gradient: f32) -> Moved {
    let g = u.scale * gradient;
    let m = u.first_decay * old.first + (1.0 - u.first_decay) * g;
    let v = u.second_decay * old.second + (1.0 - u.second_decay) * g * g;
    let p = old.value - u.weight_decay * old.value;
    return Moved(p - u.learning_rate * (m / (sqrt(v) * u.correction + u.epsilon)), m, v);
}

// first = decay first + (1 - decay) value
fn average_rule(first: f32, value: f32) -> f32 {
    return u.first_decay * first + (1.0 - u.first_decay) * value;
}
