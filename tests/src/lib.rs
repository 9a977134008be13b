//! What the integration tests share: where golden numbers lie and how arrays are compared.
