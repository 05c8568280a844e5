/** Removes what the build's run has left, however it ended, and shows the reports; params see cleanup.txt. */
void call(Map params = [:]) {
  if (!params.run && !env.STEPWISE_RUN) {
    echo 'no step has run in this build: there is nothing to clean up'
    return
  }
  // After an abort Jenkins goes on while the step may still be ending.
  stepwise(
    [reports: true] + params + [cleanup: true], 'stepwise cleanup',
    'cleanup "$STEPWISE_SPEC" --run "$STEPWISE_RUN" --wait 15m'
  )
}
