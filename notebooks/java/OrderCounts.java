import java.time.Duration;
import java.util.*;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.serialization.*;
import org.apache.kafka.streams.*;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.state.QueryableStoreTypes;

/** Lesson 4.4: orders counted by customer; the count is asked for while it works. */
public class OrderCounts {
    static final int ORDERS = 1_000, CUSTOMERS = 10;

    public static void main(String[] args) throws Exception {
        String orders = args[1] + "-orders";
        send(args[0], orders);

        StreamsBuilder builder = new StreamsBuilder();
        builder.stream(orders).groupByKey().count(Materialized.as("counts"));
        Topology topology = builder.build();
        System.out.print(topology.describe());

        Properties settings = new Properties();
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[0]);
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, args[1]);
        settings.put(StreamsConfig.GROUP_PROTOCOL_CONFIG, "streams");
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        settings.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        try (KafkaStreams streams = new KafkaStreams(topology, settings)) {
            streams.start();
            Map<String, Long> counts = Map.of();
            for (long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(60); System.nanoTime() < end; Thread.sleep(100)) {
                if (streams.state() == KafkaStreams.State.RUNNING && sum(counts = ask(streams)) == ORDERS) {
                    break;
                }
            }
            System.out.println(counts);
            boolean right = counts.size() == CUSTOMERS && Set.copyOf(counts.values()).equals(Set.of(100L));
            streams.close(Duration.ofSeconds(30));
            streams.cleanUp();
            System.out.println(right ? "PASS each of 10 customers has 100 orders" : "FAIL");
            System.exit(right ? 0 : 1);
        }
    }

    /** An interactive query: the whole store of this instance. */
    static Map<String, Long> ask(KafkaStreams streams) {
        Map<String, Long> counts = new TreeMap<>();
        var store = streams.store(StoreQueryParameters.fromNameAndType(
            "counts", QueryableStoreTypes.<String, Long>keyValueStore()));
        try (var all = store.all()) {
            all.forEachRemaining(entry -> counts.put(entry.key, entry.value));
        }
        return counts;
    }

    static long sum(Map<String, Long> counts) {
        return counts.values().stream().mapToLong(Long::longValue).sum();
    }

    static void send(String servers, String topic) throws Exception {
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", servers))) {
            admin.createTopics(List.of(new NewTopic(topic, 3, (short) 1))).all().get();
        }
        try (var producer = new KafkaProducer<>(
                Map.of("bootstrap.servers", servers), new StringSerializer(), new StringSerializer())) {
            for (int n = 0; n < ORDERS; n++) {
                producer.send(new ProducerRecord<>(topic, "customer " + n % CUSTOMERS, "{\"id\": " + n + "}"));
            }
        }
    }
}
