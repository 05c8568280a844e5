//! The contract in Rust, generated from `wasm-steps/wit`. Off wasm its imports cannot be called.
wit_bindgen::generate!({
    path: "../wit",
    world: "step-component",
    pub_export_macro: true,
    default_bindings_module: "step_sdk::bindings",
    additional_derives: [Clone, PartialEq],
});
