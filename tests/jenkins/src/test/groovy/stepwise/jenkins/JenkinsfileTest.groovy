package stepwise.jenkins

import org.junit.Test

/** The Jenkinsfile of this project, and the one that model repositories start from. */
class JenkinsfileTest extends LibraryTestCase {
  private final String own = new File(REPOSITORY, 'Jenkinsfile').text
  private final String template = new File(REPOSITORY, 'resources/model-repository/Jenkinsfile').text

  private List<String> scripts() {
    binary.scripts.findAll { !it.contains(' plan ') && !it.contains(' run-id ') }
  }

  @Test
  void 'this project makes an image of every commit, and publishes a tag'() {
    jenkins.credentials['image-registry'] = [username: 'ci', password: 'the-password-of-ci']

    assert jenkins.run(own) == null
    assert scripts() == ['make lint', 'make test', 'make image']

    binary.scripts.clear()
    jenkins.build.environment.TAG_NAME = 'v1.0.0'
    assert jenkins.run(own) == null
    assert scripts() == ['make lint', 'make test', 'make image', 'make publish']
    assert binary.environments.last().subMap('REGISTRY_USERNAME', 'REGISTRY_PASSWORD') ==
      [REGISTRY_USERNAME: 'ci', REGISTRY_PASSWORD: 'the-password-of-ci']
  }

  @Test
  void 'this project does not go on after a failed lint'() {
    binary.codes['make lint'] = 1

    assert jenkins.run(own).message == 'script returned exit code 1'
    assert binary.scripts == ['make lint']
  }

  private void model(Map<String, String> environment) {
    jenkins.credentials['image-registry'] = [username: 'ci', password: 'the-password-of-ci']
    jenkins.build.environment.putAll([GIT_COMMIT: '3f5a'] + environment)
    binary.happens[' run '] = { folder, variables -> leaves(folder, variables.STEPWISE_RUN, 'done') }
  }

  @Test
  void 'a commit of a model is checked, built, pushed, run and cleaned up after'() {
    model(BRANCH_NAME: 'main')

    assert jenkins.run(template) == null

    List<String> scripts = scripts()
    assert scripts[0..1] == [
      'stepwise check "$SPEC" --allow-unset',
      'podman build --build-arg STEPWISE_IMAGE --tag "$MODEL_IMAGE:$GIT_COMMIT" .',
    ]
    assert scripts[2].startsWith('set +x\n') && scripts[2].contains('--password-stdin')
    assert scripts[2].contains('REGISTRY_AUTH_FILE') && scripts[2].endsWith(' podman push "$MODEL_IMAGE:$GIT_COMMIT"')
    assert scripts[3..-1] == [
      '"$STEPWISE" run "$STEPWISE_SPEC" "$STEPWISE_AS" "$STEPWISE_RUN"',
      '"$STEPWISE" cleanup "$STEPWISE_SPEC" --run "$STEPWISE_RUN" --wait 15m',
    ]
    assert binary.environmentOf(' run "').STEPWISE_SPEC == '/model/pipeline.yaml'
    assert jenkins.callStack.findAll { it.methodName == 'timeout' }.collect { it.args[0] } == [[time: 3, unit: 'HOURS']]
    assert pods().last().contains('image: registry.example.com/models/tumour-screening:3f5a\n')
  }

  @Test
  void 'a pull request of a model is checked and run dry, without credentials'() {
    model(BRANCH_NAME: 'PR-7', CHANGE_ID: '7')
    jenkins.credentials.clear()
    binary.unsetSecrets = []

    assert jenkins.run(template) == null

    assert scripts() == [
      'stepwise check "$SPEC" --allow-unset',
      '"$STEPWISE" run "$STEPWISE_SPEC" "$STEPWISE_AS" "$STEPWISE_RUN" --dry-run',
    ]
    assert pods().every { it.contains('image: registry.example.com/stepwise:0.1.0\n') }
  }

  @Test
  void 'a run of a model that fails is cleaned up after'() {
    model(BRANCH_NAME: 'main')
    binary.codes[' run "'] = 3

    assert jenkins.run(template).message == 'stepwise run: done'
    assert scripts().last().contains(' cleanup ')
  }

  @Test
  void 'every night what lost runs of a model have left is removed'() {
    model(BRANCH_NAME: 'main', TRIGGERED_BY: 'TimerTrigger')

    assert jenkins.run(template) == null

    assert scripts() == [
      'stepwise check "$SPEC" --allow-unset',
      '"$STEPWISE" cleanup --stale "$STEPWISE_SPEC" --older-than "$STEPWISE_OLDER_THAN"',
    ]
    assert binary.environments.last().subMap('STEPWISE_SPEC', 'STEPWISE_OLDER_THAN') ==
      [STEPWISE_SPEC: 'model/pipeline.yaml', STEPWISE_OLDER_THAN: '12h']
    assert new File(REPOSITORY, 'model/pipeline.yaml').text.contains('step: sweep')
  }

  private List<String> pods() {
    jenkins.callStack.findAll { it.methodName == 'yaml' }.collect { it.args[0] as String }
  }
}
