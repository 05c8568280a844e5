package stepwise.jenkins

import org.junit.Before
import org.junit.Test

/** That these tests can fail: what would not work in Jenkins does not work here. */
class EngineTest extends LibraryTestCase {
  @Before
  void shareFixtures() {
    share('fixtures', new File(REPOSITORY, 'tests/jenkins/src/test/resources/fixtures'))
  }

  private Throwable fixture(String code) {
    jenkins.run("@Library('fixtures') _\nnode {\n${code}\n}")
  }

  private static Throwable rejected(Closure code) {
    try {
      code()
    } catch (Exception | Error thrown) {
      return thrown
    }
    throw new AssertionError('nothing was thrown')
  }

  @Test
  void 'a variable that cannot be serialized is found at the next step'() {
    Throwable thrown = rejected { fixture('holdsParsedJson()') }

    assert thrown instanceof NotSerializableException
    assert thrown.message.contains('groovy.json.internal.LazyMap')
  }

  @Test
  void 'code with a step in a closure of the plain Groovy library is found'() {
    Throwable thrown = fixture('sortsWithSteps()')

    assert thrown instanceof IllegalStateException
    assert thrown.message == 'expected to call sort but wound up catching call'
  }

  @Test
  void 'each is Jenkins own, and survives'() {
    assert fixture('visitsEach()') == null

    assert calls('sh') == [['sh', 'a'], ['sh', 'b']]
  }

  @Test
  void 'what the sandbox forbids is found'() {
    Throwable thrown = fixture('readsAFile()')

    assert thrown instanceof SecurityException
    assert thrown.message == 'Scripts not permitted to use new java.io.File'
  }

  @Test
  void 'every step is met by a restart, with all classes loaded anew'() {
    List<ClassLoader> loaders = []
    binary.happens.a = { folder, environment -> loaders << jenkins.program.variables.visitsEach.class.classLoader }
    binary.happens.b = binary.happens.a

    assert fixture("String kept = 'kept'\nvisitsEach()\nenv.KEPT = kept\necho kept") == null

    // node, sh twice and echo
    assert jenkins.restarts == 4
    assert loaders.size() == 2 && !loaders[0].is(loaders[1])
    assert jenkins.build.environment.KEPT == 'kept'
    assert jenkins.build.log == ['kept']
  }

  @Test
  void 'a step whose plugin is missing is no step'() {
    steps.without('junit')

    Throwable thrown = fixture("junit(testResults: 'a.xml')")

    assert thrown instanceof NoSuchMethodError
    assert thrown.message == "No such DSL method 'junit' found among steps"
  }

  @Test
  void 'post runs after a failed stage, and the stages after it do not'() {
    Throwable thrown = jenkins.run('''
      pipeline {
        agent any
        stages {
          stage('One') {
            steps { error 'broken' }
            post {
              failure { echo 'one failed' }
              success { echo 'one went well' }
            }
          }
          stage('Two') { steps { echo 'two' } }
        }
        post {
          always { echo 'always' }
          success { echo 'success' }
          failure { echo 'failure' }
        }
      }
    ''')

    assert thrown.message == 'broken'
    assert jenkins.build.result == 'FAILURE'
    assert jenkins.build.log == ['one failed', 'always', 'failure']
  }

  @Test
  void 'when leaves a stage out'() {
    jenkins.build.environment.BRANCH_NAME = 'main'

    assert jenkins.run('''
      pipeline {
        agent any
        environment { WHO = 'everybody' }
        stages {
          stage('Main') {
            when { branch 'main' }
            steps { echo "main for ${env.WHO}" }
          }
          stage('Pull request') {
            when { changeRequest() }
            steps { echo 'pull request' }
          }
          stage('Neither') {
            when { not { branch 'main' } }
            steps { echo 'neither' }
          }
        }
      }
    ''') == null

    assert jenkins.build.log == ['main for everybody']
  }
}
