import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.*;

/** Lesson 2.2: a cooperative member that commits what goes, and throws away what is lost. Nothing is done twice. */
public class RebalanceListener {
    public static void main(String[] args) throws Exception {
        String topic = args[1] + "-stock";
        Map<String, Object> settings = Map.of(
            "bootstrap.servers", args[0],
            "group.id", args[1] + "-billing",
            "partition.assignment.strategy", CooperativeStickyAssignor.class.getName(),
            "auto.offset.reset", "earliest",
            "enable.auto.commit", false,
            "heartbeat.interval.ms", 500);
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", args[0]))) {
            admin.createTopics(List.of(new NewTopic(topic, 4, (short) 1))).all().get();
        }

        Map<String, Integer> times = new TreeMap<>();
        try (var producer = new KafkaProducer<>(
                 Map.<String, Object>of("bootstrap.servers", args[0]), new StringSerializer(), new StringSerializer());
             var a = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer());
             var b = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
            Keeper keeper = new Keeper(a);
            a.subscribe(List.of(topic), keeper);
            send(producer, topic, 0);
            for (long end = deadline(); times.size() < 60 && System.nanoTime() < end; ) work(a, keeper, times);

            Keeper other = new Keeper(b);
            b.subscribe(List.of(topic), other);
            for (long end = deadline(); b.assignment().size() < 2 && System.nanoTime() < end; ) {
                work(a, keeper, times);
                work(b, other, times);
            }
            int taken = keeper.revoked;
            send(producer, topic, 60);
            for (long end = deadline(); times.size() < 120 && System.nanoTime() < end; ) {
                work(a, keeper, times);
                work(b, other, times);
            }
            long twice = times.values().stream().filter(n -> n > 1).count();
            System.out.println("A was asked for " + taken + " of 4 partitions, and lost " + keeper.lost);
            System.out.println(times.size() + " orders done, " + twice + " of them twice");
            if (taken != 2 || keeper.lost != 0 || times.size() != 120 || twice != 0) {
                System.out.println("FAIL");
                System.exit(1);
            }
        }
        System.out.println("PASS only what moved was revoked, it was committed first, and nothing was done twice");
    }

    /** What this member has done, and what becomes of it when partitions go. */
    static class Keeper implements ConsumerRebalanceListener {
        final Map<TopicPartition, OffsetAndMetadata> done = new HashMap<>();
        final Consumer<String, String> consumer;
        int revoked, lost;

        Keeper(Consumer<String, String> consumer) {
            this.consumer = consumer;
        }

        @Override public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
            Map<TopicPartition, OffsetAndMetadata> going = new HashMap<>(done);
            going.keySet().retainAll(partitions); // cooperative: only what goes
            consumer.commitSync(going); // still ours: the last moment to say so
            done.keySet().removeAll(partitions);
            revoked += partitions.size();
        }

        @Override public void onPartitionsLost(Collection<TopicPartition> partitions) {
            done.keySet().removeAll(partitions); // others own them already: a commit would be refused
            lost += partitions.size();
        }

        @Override public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
            // only the new ones: whoever keeps a cache for each partition builds it here
        }
    }

    static void work(KafkaConsumer<String, String> consumer, Keeper keeper, Map<String, Integer> times) {
        for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(50))) {
            times.merge(record.value(), 1, Integer::sum);
            keeper.done.put(
                new TopicPartition(record.topic(), record.partition()), new OffsetAndMetadata(record.offset() + 1));
        }
    }

    static void send(Producer<String, String> producer, String topic, int first) {
        for (int n = first; n < first + 60; n++) {
            producer.send(new ProducerRecord<>(topic, n % 4, null, "order " + n));
        }
        producer.flush();
    }

    static long deadline() {
        return System.nanoTime() + 30_000_000_000L;
    }
}
