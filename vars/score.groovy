/** Runs the step `score` of a spec in the build's run; params as of wasmStep. */
void call(Map params = [:]) {
  wasmStep(params, 'score')
}
