/**
 * Runs one step of a spec in the build's run.
 *
 * @param params  see wasmStep.txt
 * @param step    the step's id in the spec
 */
void call(Map params = [:], String step) {
  String command = 'run "$STEPWISE_SPEC" --run "$STEPWISE_RUN" --only "$STEPWISE_STEP"'
  stepwise(params, 'stepwise ' + step, command, [takes: [], step: step])
}
