/** Runs all steps of a spec and shows the reports; params see modelPipeline.txt. */
void call(Map params = [:]) {
  String command = 'run "$STEPWISE_SPEC" ' + (params.resume ? '--resume "$STEPWISE_RUN"' : '--run "$STEPWISE_RUN"')
  if (params.dryRun) { command += ' --dry-run' }
  if (params.keep) { command += ' --keep' }
  Map run = params.resume ? [run: params.resume] : [:]
  stepwise([reports: true] + params + run, 'stepwise run', command)
}
