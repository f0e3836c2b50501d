import java.nio.charset.StandardCharsets;
import java.util.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.Cluster;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.common.utils.Utils;

/** Lesson 2.3: a partitioner that gives one hot key the last partition to itself. */
public class HotKeyPartitioner implements Partitioner {
    private String hot;

    @Override
    public void configure(Map<String, ?> settings) {
        hot = (String) settings.get("hot.key"); // any setting of the producer comes through
    }

    @Override
    public int partition(String topic, Object key, byte[] bytes, Object value, byte[] v, Cluster cluster) {
        int partitions = cluster.partitionCountForTopic(topic);
        if (hot.equals(key)) {
            return partitions - 1;
        }
        return Utils.toPositive(Utils.murmur2(bytes)) % (partitions - 1); // all others share the rest
    }

    @Override
    public void close() {}

    public static void main(String[] args) throws Exception {
        String topic = args[1] + "-orders";
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", args[0]))) {
            admin.createTopics(List.of(new NewTopic(topic, 6, (short) 1))).all().get();
        }
        Map<String, Object> settings = Map.of(
            "bootstrap.servers", args[0],
            "partitioner.class", HotKeyPartitioner.class.getName(),
            "hot.key", "megamart");

        Map<Integer, Set<String>> keys = new TreeMap<>(); // partition -> whose orders the broker put there
        try (var producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
            for (int n = 0; n < 600; n++) {
                String customer = n % 3 == 0 ? "megamart" : "customer-" + n % 50;
                int partition = producer.send(new ProducerRecord<>(topic, customer, "order " + n)).get().partition();
                keys.computeIfAbsent(partition, p -> new TreeSet<>()).add(customer);
            }
        }
        keys.forEach((partition, there) -> System.out.println("partition " + partition + ": " + there.size() + " keys"));

        byte[] name = "customer-7".getBytes(StandardCharsets.UTF_8);
        int expected = Utils.toPositive(Utils.murmur2(name)) % 5; // Python: murmur2(b"customer-7", 5)
        if (!keys.get(5).equals(Set.of("megamart")) || !keys.get(expected).contains("customer-7")) {
            System.out.println("FAIL");
            System.exit(1);
        }
        System.out.println("PASS the hot key is alone in its partition; the others share five");
    }
}
