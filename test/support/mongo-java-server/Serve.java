import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;
import de.bwaldvogel.mongo.bson.Document;
import io.netty.channel.Channel;

/**
 * Serves MongoDB's wire protocol from memory, for tests. Prints one line, "listening HOST:PORT", when it takes connections,
 * and stops when its standard input ends, so that no test process leaves it behind.
 */
class Serve {
  public static void main(String[] arguments) throws Exception {
    var address = new MongoServer(new Backend()).bind();
    System.out.println("listening 127.0.0.1:" + address.getPort());
    while (System.in.read() != -1) {}
    System.exit(0);
  }

  private static class Backend extends MemoryBackend {
    /**
     * Executes commands one after another and copies each response. Without that a response has the stored document itself,
     * which another command may change before the response is sent.
     */
    @Override
    public synchronized Document handleCommand(Channel channel, String database, String command, Document query) {
      var response = super.handleCommand(channel, database, command, query);
      if (response == null) return null;
      // The server says wire version 8, and MongoDB's driver refuses servers below version 9.
      if (response.containsKey("maxWireVersion")) response.put("maxWireVersion", 13);
      return response.cloneDeeply();
    }
  }
}
