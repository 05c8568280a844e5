/** Runs all steps of a spec and shows the reports; params see modelPipeline.txt. */
void call(Map params = [:]) {
  if (params.run && params.resume) { error 'stepwise run: `resume` names the run already, so there is no `run` beside it' }
  String command = 'run "$STEPWISE_SPEC" "$STEPWISE_AS" "$STEPWISE_RUN"'
  if (params.dryRun) { command += ' --dry-run' }
  if (params.keep) { command += ' --keep' }
  Map run = params.resume ? [run: params.resume] : [:]
  Map own = [takes: ['dryRun', 'keep', 'reports', 'resume'], reports: params.reports != false]
  stepwise(params, 'stepwise run', command, own + run)
}
