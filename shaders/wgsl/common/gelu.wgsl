// Phi(x), the normal distribution function, by Abramowitz and Stegun 7.1.26, which keeps the lower tail's relative error
// small; and its density.
fn normal(x: f32) -> vec2<f32> {
    let t = 1.0 / (1.0 + 0.3275911 * abs(x) * 0.70710678);
    let e = exp(-0.5 * x * x);
    let p = 1.4214137 + t * (-1.4531521 + t * 1.0614054);
    let tail = 0.5 * e * t * (0.2548296 + t * (-0.28449674 + t * p));
    return vec2<f32>(select(1.0 - tail, tail, x < 0.0), e * 0.3989423);
}

fn gelu(x: f32) -> f32 {
    return x * normal(x).x;
}

fn gelu_slope(x: f32) -> f32 {
    let phi = normal(x);
    return fma(x, phi.y, phi.x);
}
