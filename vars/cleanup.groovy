/** Removes what the build's runs have left, however they ended, and shows the reports; params see cleanup.txt. */
void call(Map params = [:]) {
  Map own = [takes: ['reports', 'stale'], cleanup: true, reports: params.reports != false]
  if (params.stale) {
    if (params.run) { error 'stepwise cleanup: `stale` is of all lost runs, so there is no `run` beside it' }
    stepwise(params, 'stepwise cleanup', 'cleanup --stale "$STEPWISE_SPEC" --older-than "$STEPWISE_OLDER_THAN"', own)
    return
  }
  List runs = params.run ? [params.run] : (env.STEPWISE_BEGUN ?: '').readLines()
  int found = 0
  Throwable first = null
  for (int i = 0; i < runs.size(); i++) {
    String spec = env."STEPWISE_SPEC_${runs[i]}" ?: params.spec
    if (params.run || !params.spec || params.spec == spec) {
      found++
      Map of = [run: runs[i], spec: params.spec ?: spec]
      try {
        // After an abort Jenkins goes on while the step may still be ending.
        stepwise(params + of, 'stepwise cleanup', 'cleanup "$STEPWISE_SPEC" --run "$STEPWISE_RUN" --wait 15m', own)
      } catch (Throwable failed) {
        // The other runs are to be cleaned up all the same.
        if (first) { echo failed.getMessage() } else { first = failed }
      }
    }
  }
  if (first) { throw first }
  if (!found) { echo "no step ${params.spec ? 'of ' + params.spec + ' ' : ''}has run in this build: there is nothing to clean up" }
}
