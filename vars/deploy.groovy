/** Runs the step `deploy` of a spec in the build's run; params as of wasmStep. */
void call(Map params = [:]) {
  wasmStep(params, 'deploy')
}
