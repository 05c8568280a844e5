// What all variables of this library share: the binary, the run of the build, its credentials, and how a command ends.

import groovy.json.JsonSlurper
import groovy.transform.Field

@Field final int GATE_MISSED = 4 // README, "Use it"
// After any other end the summary is of the call before.
@Field final List WITH_SUMMARY = [0, 3, 4, 130, 143]

@Field final List KNOWN = [
  'cleanup', 'credentials', 'dryRun', 'keep', 'profile', 'reports', 'resume', 'run', 'set', 'sha256', 'spec', 'step', 'url',
]

/**
 * Runs a command of stepwise. A missed gate makes the build unstable, any other failure fails it.
 *
 * @param params   see stepwise.txt
 * @param label    what the build's log calls it
 * @param command  the command, for the shell: it reads $STEPWISE_SPEC, $STEPWISE_RUN and $STEPWISE_STEP
 */
void call(Map params = [:], String label, String command) {
  List unknown = new ArrayList(params.keySet())
  unknown.removeAll(KNOWN)
  if (unknown) { error "${label}: unknown parameter ${unknown.join(', ')}; there are ${KNOWN.join(', ')}" }
  List settings = [
    'STEPWISE=' + program(params),
    'STEPWISE_RUNS=.stepwise',
    'STEPWISE_SPEC=' + (params.spec ?: 'model/pipeline.yaml'),
  ]
  if (params.profile) { settings << 'STEPWISE_PROFILE=' + params.profile }
  if (params.set) { settings << 'STEPWISE_SET=' + params.set.join('\n') }
  if (params.step) { settings << 'STEPWISE_STEP=' + params.step }
  withEnv(settings) {
    String run = runOf(params)
    withEnv(['STEPWISE_RUN=' + run]) {
      bring(run)
      if (params.cleanup && !fileExists(".stepwise/${run}/run.json")) {
        echo "run ${run} has not begun: there is nothing to clean up"
      } else {
        conclude(label, run, execute(params, label, command, run))
      }
    }
  }
}

/** Runs the command with its credentials, and keeps what it left however it ended. Answers its exit code. */
private int execute(Map params, String label, String command, String run) {
  List bindings = bindingsOf(params)
  int code = 0
  try {
    withCredentials(bindings) {
      code = sh(label: label, returnStatus: true, script: '"$STEPWISE" ' + command)
    }
  } finally {
    optional('stash', 'a stage on another agent will not find the run') {
      stash(name: 'stepwise-' + run, includes: ".stepwise/${run}/**", excludes: ".stepwise/${run}/lent/**", allowEmpty: true)
    }
    if (params.reports) { publish(run) }
  }
  return code
}

/** The binary: the one on the PATH, or the release of a mirror. */
private String program(Map params) {
  String url = params.url ?: env.STEPWISE_URL
  if (!url) { return 'stepwise' }
  return withEnv(['STEPWISE_URL=' + url, 'STEPWISE_SHA256=' + (params.sha256 ?: env.STEPWISE_SHA256 ?: '')]) {
    sh(label: 'fetch stepwise', returnStdout: true, script: libraryResource('stepwise/fetch.sh')).trim()
  }
}

/** The run that the steps of this build share. A dry run is another one, as its services end with it. */
private String runOf(Map params) {
  if (params.run) { return params.run }
  String variable = params.dryRun ? 'STEPWISE_DRY_RUN' : 'STEPWISE_RUN'
  if (!env."${variable}") {
    String tag = params.dryRun ? '"$BUILD_TAG-dry-run"' : '"$BUILD_TAG"'
    env."${variable}" = sh(label: 'name the run', returnStdout: true, script: '"$STEPWISE" run-id ' + tag).trim()
  }
  return env."${variable}"
}

/** Brings the run's folder to where the build goes on. Where it was left it is newer than any stash. */
private void bring(String run) {
  String variable = 'STEPWISE_PLACE_' + run
  String place = "${env.NODE_NAME}:${pwd()}"
  if (env."${variable}" && env."${variable}" != place) { unstash(name: 'stepwise-' + run) }
  env."${variable}" = place
}

/** Bindings for the secrets that are not set, as the binary tells them. */
private List bindingsOf(Map params) {
  String command = '"$STEPWISE" plan "$STEPWISE_SPEC" --allow-unset --format json'
  if (params.dryRun) { command += ' --dry-run' }
  if (params.cleanup) { command += ' --cleanup "$STEPWISE_RUN"' }
  String plan = sh(label: 'which credentials', returnStdout: true, script: command)
  // This parser is the one that Jenkins' sandbox allows; neither it nor its maps would survive a step.
  List unset = new JsonSlurper().parseText(plan).get('unset_secrets')
  Map ids = params.credentials ?: [:]
  List bindings = []
  for (int i = 0; i < unset.size(); i++) {
    bindings << bindingOf(unset[i], ids.get(unset[i]) ?: unset[i])
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
  String variable = 'STEPWISE_MISSED_' + run
  if (code == GATE_MISSED) { env."${variable}" = 'true' }
  String headline = headlineOf(run, code)
  // Cleanup says it anew: what was left when the gate was missed is gone by then.
  if (env."${variable}" && (code == 0 || code == GATE_MISSED)) { currentBuild.description = headline }
  if (code == GATE_MISSED) { unstable headline } else if (code != 0) { error "${label}: ${headline}" }
}

/** The run in one line, as the first line of its summary has it. */
private String headlineOf(String run, int code) {
  String summary = ".stepwise/${run}/summary.md"
  if (!WITH_SUMMARY.contains(code) || !fileExists(summary)) { return "ended with exit code ${code}" }
  return readFile(file: summary, encoding: 'UTF-8').readLines()[0] - '# '
}

/** Shows the reports of a run, once a build: JUnit would count them again. */
private void publish(String run) {
  String variable = 'STEPWISE_REPORTED_' + run
  if (env."${variable}") { return }
  String folder = '.stepwise/' + run
  archiveArtifacts(
    artifacts: "${folder}/report.html,${folder}/report.css,${folder}/summary.md,${folder}/run.json", allowEmptyArchive: true
  )
  optional('junit', 'the steps are not among the test results') {
    junit(testResults: folder + '/junit.xml', allowEmptyResults: true)
  }
  optional('publishHTML', "the report is among the build's artifacts") {
    publishHTML([
      reportName: 'Model pipeline', reportDir: folder, reportFiles: 'report.html', includes: 'report.html,report.css',
      keepAll: true, alwaysLinkToLastBuild: true, allowMissing: true,
    ])
  }
  env."${variable}" = 'true'
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
