package stepwise.jenkins.engine

/** Jenkins replaces the iterators of lists by ones that survive a restart (its IteratorHack). */
class Iterators {
  static Iterator iterator(ArrayList list) {
    new Lasting(items: list)
  }

  private static class Lasting implements Iterator, Serializable {
    List items
    int at

    @Override
    boolean hasNext() {
      at < items.size()
    }

    @Override
    Object next() {
      items.get(at++)
    }
  }
}
