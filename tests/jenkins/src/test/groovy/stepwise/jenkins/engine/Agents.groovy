package stepwise.jenkins.engine

/** The machines of a Jenkins, each with a workspace in a folder of the test. */
class Agents {
  private final File root
  /** Names of the agents that are given out, in order; the last one again and again. */
  List<String> next = ['agent-1']

  Agents(File root) {
    this.root = root
  }

  File workspace(String agent) {
    File folder = new File(root, "${agent}/workspace")
    folder.mkdirs()
    return folder
  }

  /** Allocates an agent. Answers its variables. */
  Map<String, String> allocate() {
    String agent = next.size() > 1 ? next.remove(0) : next.first()
    File workspace = workspace(agent)
    [NODE_NAME: agent, WORKSPACE: workspace.path, WORKSPACE_TMP: "${workspace.path}@tmp".toString()]
  }
}
