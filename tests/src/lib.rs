//! What the integration tests share: where golden numbers lie, and how arrays are compared with them.

pub mod compare;
pub mod golden;
