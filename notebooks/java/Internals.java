import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.*;

/** Lesson 1.1: three orders of each of twelve shoppers. Which partition does a key go to, and does its order hold? */
public class Internals {
    static final List<String> SHOPPERS = List.of(
        "anna", "ben", "cleo", "dara", "emil", "fay", "gus", "hana", "ivo", "jana", "kai", "lena");

    public static void main(String[] args) throws Exception {
        String topic = args[1] + "-orders";
        Map<String, Object> client = Map.of("bootstrap.servers", args[0]);
        try (Admin admin = Admin.create(client)) {
            admin.createTopics(List.of(new NewTopic(topic, 3, (short) 1))).all().get();
        }

        // acks=all and enable.idempotence=true are this client's defaults; the default hash of a key is murmur2
        try (var producer = new KafkaProducer<>(client, new StringSerializer(), new StringSerializer())) {
            for (int order = 1; order <= 3; order++)
                for (String shopper : SHOPPERS)
                    producer.send(new ProducerRecord<>(topic, shopper, "order " + order));
        } // close() waits until every order is acknowledged

        Map<String, Set<Integer>> partitions = new TreeMap<>();
        Map<String, List<String>> orders = new TreeMap<>();
        for (ConsumerRecord<String, String> order : readAll(client, topic)) {
            partitions.computeIfAbsent(order.key(), key -> new TreeSet<>()).add(order.partition());
            orders.computeIfAbsent(order.key(), key -> new ArrayList<>()).add(order.value());
        }
        partitions.forEach((shopper, where) -> System.out.println(shopper + " -> partition " + where));
        boolean together = partitions.size() == 12 && partitions.values().stream().allMatch(where -> where.size() == 1);
        boolean inOrder = orders.values().stream().allMatch(List.of("order 1", "order 2", "order 3")::equals);
        if (!together || !inOrder) {
            System.out.println("FAIL " + orders);
            System.exit(1);
        }
        System.out.println("PASS each of 12 shoppers in one partition, each one's orders in order");
    }

    /** Every record of the topic, for at most 20 seconds. */
    static List<ConsumerRecord<String, String>> readAll(Map<String, Object> client, String topic) {
        try (var consumer = new KafkaConsumer<>(client, new StringDeserializer(), new StringDeserializer())) {
            var all = List.of(new TopicPartition(topic, 0), new TopicPartition(topic, 1), new TopicPartition(topic, 2));
            consumer.assign(all);
            consumer.seekToBeginning(all);
            Map<TopicPartition, Long> ends = consumer.endOffsets(all);
            List<ConsumerRecord<String, String>> records = new ArrayList<>();
            for (long end = System.nanoTime() + 20_000_000_000L; System.nanoTime() < end; ) {
                consumer.poll(Duration.ofMillis(200)).forEach(records::add);
                if (all.stream().allMatch(p -> consumer.position(p) >= ends.get(p))) break;
            }
            return records;
        }
    }
}
