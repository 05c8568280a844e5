/** Runs the step `subscribe` of a spec in the build's run; params as of wasmStep. */
void call(Map params = [:]) {
  wasmStep(params, 'subscribe')
}
