package stepwise.jenkins

import org.junit.Test

class CredentialsTest extends LibraryTestCase {
  private static final String SECRET = 'the-key-of-the-cluster'

  private List bindings() {
    jenkins.callStack.findAll { it.methodName == 'withCredentials' }.collect { it.args[0] }
  }

  @Test
  void 'a secret that is not set is bound from the credential of its name'() {
    succeeds('store()')

    assert bindings() == [[[kind: 'string', credentialsId: 'CPD_API_KEY', variable: 'CPD_API_KEY']]]
    assert binary.environmentOf('--only').CPD_API_KEY == SECRET
  }

  @Test
  void 'only the command itself has it'() {
    succeeds("store()\nsh 'env'")

    assert binary.environments.count { it.containsKey('CPD_API_KEY') } == 1
  }

  @Test
  void 'another credential, or a user name with a password, may be named for it'() {
    jenkins.credentials.putAll([team: 'the-key-of-the-team', login: [username: 'ci', password: 'the-password-of-ci']])
    binary.unsetSecrets = ['CPD_API_KEY', 'CPD_PASSWORD']

    succeeds("""store(credentials: [
      CPD_API_KEY: 'team', CPD_PASSWORD: [credentialsId: 'login', usernameVariable: 'CPD_USERNAME'],
    ])""")

    assert bindings() == [[
      [kind: 'string', credentialsId: 'team', variable: 'CPD_API_KEY'],
      [kind: 'usernamePassword', credentialsId: 'login', usernameVariable: 'CPD_USERNAME', passwordVariable: 'CPD_PASSWORD'],
    ]]
    assert binary.environmentOf('--only').subMap('CPD_API_KEY', 'CPD_USERNAME', 'CPD_PASSWORD') == [
      CPD_API_KEY: 'the-key-of-the-team', CPD_USERNAME: 'ci', CPD_PASSWORD: 'the-password-of-ci',
    ]
  }

  @Test
  void 'a credential that is named counts more than what is set already'() {
    jenkins.credentials.team = 'the-key-of-the-team'
    jenkins.build.environment.CPD_API_KEY = 'an-older-key'
    binary.unsetSecrets = []
    binary.setSecrets = ['CPD_API_KEY', 'CPD_PASSWORD']

    succeeds("store(credentials: [CPD_API_KEY: 'team'])")

    assert bindings() == [[[kind: 'string', credentialsId: 'team', variable: 'CPD_API_KEY']]]
    assert binary.environmentOf('--only').CPD_API_KEY == 'the-key-of-the-team'
  }

  @Test
  void 'a credential that the spec does not read is an error, but not in what reads less than the run'() {
    assert runs("store(credentials: [CPD_API_KY: 'team'])").message ==
      'stepwise store: the spec reads no secret CPD_API_KY; it reads CPD_API_KEY'
    assert !binary.scripts.any { it.contains('--only') }

    binary.unsetSecrets = []
    succeeds("modelPipeline(dryRun: true, credentials: [CPD_API_KEY: 'team'])")
    leaves(workspace, 'trial', 'left')
    succeeds("cleanup(run: 'trial', credentials: [CPD_API_KEY: 'team'])")
    assert bindings() == [[], []]
  }

  @Test
  void 'a spec whose secrets are all set needs no credential'() {
    binary.unsetSecrets = []

    succeeds('store()')

    assert bindings() == [[]]
  }

  @Test
  void 'a credential that is missing fails the build before the step runs'() {
    jenkins.credentials.clear()

    assert runs('store()').message == "Could not find credentials entry with ID 'CPD_API_KEY'"
    assert !binary.scripts.any { it.contains('--only') }
  }

  @Test
  void 'no secret is in a script, in a label or in the log'() {
    binary.codes['--only'] = 3

    runs('store()')

    assert !steps.calls.toString().contains(SECRET)
    assert !jenkins.build.log.join('\n').contains(SECRET)
  }
}
