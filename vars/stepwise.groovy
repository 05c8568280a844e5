// What all variables of this library share: the binary, the runs of the build, their credentials, and how a command ends.

import groovy.json.JsonSlurper
import groovy.transform.Field

// README, "Use it"
@Field final int UNEXPECTED = 1
@Field final int WRONG = 2
@Field final int GATE_MISSED = 4
@Field final List INTERRUPTED = [130, 143]

/** Parameters that every variable takes. */
@Field final List SHARED = ['credentials', 'profile', 'run', 'set', 'sha256', 'spec', 'url']

/**
 * Runs a command of stepwise. A missed gate makes the build unstable, any other failure fails it.
 *
 * @param params   see stepwise.txt
 * @param label    what the build's log calls it
 * @param command  the command, for the shell: it reads $STEPWISE_SPEC, $STEPWISE_RUN, $STEPWISE_AS and $STEPWISE_STEP
 * @param own      what the calling variable adds to the parameters; `takes` are those of its own that it takes
 */
void call(Map params = [:], String label, String command, Map own = [takes: ['cleanup', 'dryRun', 'reports', 'step']]) {
  List unknown = new ArrayList(params.keySet())
  List known = SHARED + own.takes
  unknown.removeAll(known)
  if (unknown) { error "${label}: there is no parameter ${unknown.join(', ')} here; there are ${known.join(', ')}" }
  Map all = params + own + [spec: params.spec ?: 'model/pipeline.yaml']
  List settings = ['STEPWISE=' + program(params), 'STEPWISE_RUNS=.stepwise', 'STEPWISE_SPEC=' + all.spec]
  if (params.profile) { settings << 'STEPWISE_PROFILE=' + params.profile }
  if (params.set) { settings << 'STEPWISE_SET=' + params.set.join('\n') }
  if (all.step) { settings << 'STEPWISE_STEP=' + all.step }
  if (all.stale) { settings << 'STEPWISE_OLDER_THAN=' + all.stale }
  withEnv(settings) {
    if (all.stale) {
      // Lost runs are none of this build: nothing is brought here, and nothing is kept.
      conclude(label, null, execute(all, label, command, null))
    } else {
      ofRun(all, label, command)
    }
  }
}

private void ofRun(Map all, String label, String command) {
  String run = runOf(all)
  bring(label, run)
  boolean isThere = fileExists(recordOf(run))
  boolean isBegun = fact('AT', run)
  if (all.cleanup && !isThere) {
    if (isBegun) { error "${label}: ${lost(run)}" }
    echo "run ${run} has not begun: there is nothing to clean up"
    return
  }
  // A call that is tried again goes on with what the first has done.
  String how = all.resume || (isBegun && isThere && !all.dryRun) ? '--resume' : '--run'
  withEnv(['STEPWISE_RUN=' + run, 'STEPWISE_AS=' + how]) {
    conclude(label, run, execute(all, label, command, run))
  }
}

/** Runs the command with its credentials, and keeps what it left however it ended. Answers its exit code. */
private int execute(Map all, String label, String command, String run) {
  Map plan = planOf(all)
  List bindings = bindingsOf(all, label, plan)
  int code = 0
  boolean begun = false
  Throwable thrown = null
  try {
    withCredentials(bindings) {
      if (run) { begins(all, run, plan.pipeline) }
      begun = true
      code = sh(label: label, returnStatus: true, script: '"$STEPWISE" ' + command)
    }
  } catch (Throwable caught) {
    thrown = caught
  }
  if (begun && run) {
    boolean failed = thrown || code != 0
    note('UNDER_WAY', run, fact('UNDER_WAY', run) - 'x')
    also(label, failed) { keep(run) }
    if (all.reports) { also(label, failed) { publish(run) } }
    // Without a record it has not begun, so nothing is to follow it. After an abort it may still be about to begin.
    if (!thrown && !fileExists(recordOf(run))) { note('AT', run, '') }
  }
  if (thrown) { throw thrown }
  return code
}

/** What follows a command. After a failure what goes wrong here is only told: the first error is why the build failed. */
private void also(String label, boolean failed, Closure body) {
  try {
    body()
  } catch (Exception more) {
    if (!failed) { throw more }
    echo "${label}: ${more.getMessage()}"
  }
}

/** The binary: the one on the PATH, or the release of a mirror. */
private String program(Map params) {
  String url = params.url ?: env.STEPWISE_URL
  if (!url) { return 'stepwise' }
  return withEnv(['STEPWISE_URL=' + url, 'STEPWISE_SHA256=' + (params.sha256 ?: env.STEPWISE_SHA256 ?: '')]) {
    sh(label: 'fetch stepwise', returnStdout: true, script: libraryResource('stepwise/fetch.sh')).trim()
  }
}

// Facts of a run, for the whole build: variables of its environment survive everything that the build does.

private String fact(String name, String run) {
  return env."STEPWISE_${name}_${run}"
}

private void note(String name, String run, String value) {
  env."STEPWISE_${name}_${run}" = value
}

private List begun() {
  return (env.STEPWISE_BEGUN ?: '').readLines()
}

private String recordOf(String run) {
  return ".stepwise/${run}/run.json"
}

/** The run that the steps of this build share which have the same spec and profile. Each dry run is one of its own. */
private String runOf(Map all) {
  if (all.run) { return all.run }
  String profile = all.profile ?: env.STEPWISE_PROFILE
  String key = all.spec + (profile ? ' ' + profile : '')
  String build = key + ' ' + env.BUILD_TAG
  if (all.dryRun) {
    env.STEPWISE_DRY_RUNS = (env.STEPWISE_DRY_RUNS ?: '') + 'x'
    build += ' dry run ' + env.STEPWISE_DRY_RUNS
  } else {
    List runs = begun()
    for (int i = 0; i < runs.size(); i++) {
      if (fact('KEY', runs[i]) == key) { return runs[i] }
    }
  }
  return withEnv(['STEPWISE_BUILD=' + build]) {
    sh(label: 'name the run', returnStdout: true, script: '"$STEPWISE" run-id "$STEPWISE_BUILD"').trim()
  }
}

/** A command of the run begins here. */
private void begins(Map all, String run, String pipeline) {
  String profile = all.profile ?: env.STEPWISE_PROFILE
  if (!all.dryRun && !begun().contains(run)) {
    env.STEPWISE_BEGUN = (env.STEPWISE_BEGUN ?: '') + run + '\n'
    note('SPEC', run, all.spec)
    if (!all.run) { note('KEY', run, all.spec + (profile ? ' ' + profile : '')) }
  }
  if (!fact('TITLE', run)) { note('TITLE', run, 'Model pipeline ' + pipeline + (profile ? ' ' + profile : '')) }
  note('AT', run, place())
  note('STASHED', run, '')
  // One letter for each call that is under way.
  note('UNDER_WAY', run, (fact('UNDER_WAY', run) ?: '') + 'x')
}

private String place() {
  return "${env.NODE_NAME}:${pwd()}"
}

/** Brings the run's folder to where the build goes on. Where it was left it is newer than any stash. */
private void bring(String label, String run) {
  String at = fact('AT', run)
  if (!at) { return }
  if (at != place() && fact('UNDER_WAY', run)) {
    error "${label}: another step of run ${run} is under way at ${at}: the steps of a run are on one agent at a time"
  }
  if (at == place() && fileExists(recordOf(run))) { return }
  if (!fact('STASHED', run)) { error "${label}: ${lost(run)}" }
  unstash(name: 'stepwise-' + run)
}

private String lost(String run) {
  return "run ${run} was lost at ${fact('AT', run)}, and with it what it has created\n" +
    "hint: `stepwise cleanup --stale ${fact('SPEC', run)}` finds that by its tags, and so does cleanup(stale: '12h')"
}

private void keep(String run) {
  optional('stash', 'a stage on another agent will not find the run') {
    stash(name: 'stepwise-' + run, includes: ".stepwise/${run}/**", excludes: ".stepwise/${run}/lent/**", allowEmpty: true)
    note('STASHED', run, 'true')
  }
}

/** What the binary says of the spec: its pipeline, the variables that secrets are read from, and which are not set. */
private Map planOf(Map all) {
  String command = '"$STEPWISE" plan "$STEPWISE_SPEC" --allow-unset --format json'
  if (all.dryRun) { command += ' --dry-run' }
  if (all.cleanup && !all.stale) { command += ' --cleanup "$STEPWISE_RUN"' }
  // A step of Jenkins answers either what a script has printed or how it ended.
  String ended = 'ended with exit code '
  String plan = sh(label: 'which credentials', returnStdout: true, script: command + ' || echo "' + ended + '$?"').trim()
  if (plan == ended + WRONG) {
    error "stepwise plan: ${all.cleanup ? 'it cannot be cleaned up' : 'the spec is wrong'}, see above"
  }
  if (plan.startsWith(ended)) { error "stepwise plan: ${plan}" }
  // This parser is the one that Jenkins' sandbox allows; neither it nor its maps would survive a step.
  Map parsed = new JsonSlurper().parseText(plan)
  return [
    pipeline: parsed.get('pipeline'), unset: new ArrayList(parsed.get('unset_secrets')),
    variables: new ArrayList(parsed.get('secret_variables')),
  ]
}

/** Bindings for the secrets that are not set, and for those for which a credential is named. */
private List bindingsOf(Map all, String label, Map plan) {
  Map ids = all.credentials ?: [:]
  List named = new ArrayList(ids.keySet())
  List unread = new ArrayList(named)
  unread.removeAll(plan.variables)
  // A dry run reads fewer than the run, and a cleanup is not to fail for that.
  if (unread && !all.dryRun && !all.cleanup) {
    error "${label}: the spec reads no secret ${unread.join(', ')}; it reads ${plan.variables.join(', ') ?: 'none'}"
  }
  named.removeAll(unread)
  named.removeAll(plan.unset)
  List variables = plan.unset + named
  List bindings = []
  for (int i = 0; i < variables.size(); i++) {
    bindings << bindingOf(variables[i], ids.get(variables[i]) ?: variables[i])
  }
  return bindings
}

private Object bindingOf(String variable, Object id) {
  if (id instanceof Map) {
    return usernamePassword(credentialsId: id.credentialsId, usernameVariable: id.usernameVariable, passwordVariable: variable)
  }
  return string(credentialsId: id, variable: variable)
}

private void conclude(String label, String run, int code) {
  String headline = headlineOf(run, code)
  // Cleanup says it anew: what was left when the gate was missed is gone by then.
  if (run && (code == GATE_MISSED || (code == 0 && fact('MISSED', run)))) {
    note('MISSED', run, headline)
    describe()
  }
  if (code == GATE_MISSED) { unstable headline }
  if (INTERRUPTED.contains(code)) { currentBuild.result = 'ABORTED' }
  if (code != 0 && code != GATE_MISSED) { error "${label}: ${headline}" }
}

/** The build's description: of each run that has missed a gate what it says of that. */
private void describe() {
  List missed = []
  List runs = begun()
  for (int i = 0; i < runs.size(); i++) {
    if (fact('MISSED', runs[i])) { missed << fact('MISSED', runs[i]) }
  }
  currentBuild.description = missed.join('; ')
}

/** How the run ended, in the binary's words. */
private String headlineOf(String run, int code) {
  String file = ".stepwise/${run}/headline.txt"
  // Where nothing was run, as when another process holds the run, it is that of an earlier call.
  if (!run || code == WRONG || code == UNEXPECTED || !fileExists(file)) { return "ended with exit code ${code}" }
  return readFile(file: file, encoding: 'UTF-8').trim()
}

/** Shows the reports of a run. What is shown later replaces them, but JUnit would count its results again. */
private void publish(String run) {
  String folder = '.stepwise/' + run
  archiveArtifacts(
    artifacts: "${folder}/report.html,${folder}/report.css,${folder}/summary.md,${folder}/run.json", allowEmptyArchive: true
  )
  if (!fact('COUNTED', run) && fileExists(folder + '/junit.xml')) {
    optional('junit', 'the steps are not among the test results') {
      junit(testResults: folder + '/junit.xml', allowEmptyResults: true)
      note('COUNTED', run, 'true')
    }
  }
  optional('publishHTML', "the report is among the build's artifacts") {
    publishHTML([
      reportName: fact('TITLE', run), reportDir: folder, reportFiles: 'report.html',
      includes: 'report.html,report.css,summary.md,run.json', keepAll: true, alwaysLinkToLastBuild: true, allowMissing: true,
    ])
  }
}

/** Calls a step whose plugin need not be there; says once a build what follows when it is not. */
private void optional(String step, String otherwise, Closure body) {
  String variable = 'STEPWISE_WITHOUT_' + step
  try {
    body()
  } catch (NoSuchMethodError missing) {
    if (!env."${variable}") { echo "Jenkins has no step ${step} here: ${otherwise}" }
    env."${variable}" = 'true'
  }
}
