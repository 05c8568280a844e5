//! The WIT contract in Rust, generated.
#![expect(missing_docs, reason = "the contract has the docs")]

wasmtime::component::bindgen!({
    path: "wasm-steps/wit",
    world: "step-component",
    imports: { default: trappable },
    with: {
        "stepwise:step/services.pending": crate::engine::imports::services::Pending,
        "stepwise:step/scoring.model": crate::engine::imports::scoring::LocalModel,
    },
    additional_derives: [PartialEq, serde::Serialize, serde::Deserialize],
});
