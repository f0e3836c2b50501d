import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.*;

/** Lesson 1.2: what poll() commits in this client; 30 orders become 30 payments, though one transaction is aborted. */
public class ExactlyOnce {
    static final Serializer<String> OUT = new StringSerializer();
    static final Deserializer<String> IN = new StringDeserializer();
    static final Duration LIMIT = Duration.ofSeconds(20);

    public static void main(String[] args) throws Exception {
        String orders = args[1] + "-orders", payments = args[1] + "-payments", group = args[1] + "-till";
        Map<String, Object> client = Map.of("bootstrap.servers", args[0], "auto.offset.reset", "earliest", "max.poll.records", 10);
        try (Admin admin = Admin.create(client); var producer = new KafkaProducer<>(client, OUT, OUT)) {
            admin.createTopics(List.of(new NewTopic(orders, 1, (short) 1), new NewTopic(payments, 1, (short) 1))).all().get();
            for (int n = 1; n <= 30; n++) producer.send(new ProducerRecord<>(orders, "order " + n, "" + n));
            producer.flush();

            // Auto-commit, at every poll instead of every 5 s: a poll commits what the poll before it returned.
            var partition = new TopicPartition(orders, 0);
            try (var consumer = new KafkaConsumer<>(with(client, "group.id", group + "-auto", "auto.commit.interval.ms", 0), IN, IN)) {
                consumer.subscribe(List.of(orders));
                for (int polls = 1; polls <= 2; polls++) {
                    if (consumer.poll(LIMIT).count() != 10) fail("no batch of 10");
                    long done = 10 * (polls - 1), stands = -1;
                    for (long end = System.nanoTime() + LIMIT.toNanos(); stands < done && System.nanoTime() < end; ) {
                        var entry = admin.listConsumerGroupOffsets(group + "-auto").partitionsToOffsetAndMetadata().get().get(partition);
                        stands = entry == null ? 0 : entry.offset();
                    }
                    System.out.println("polled " + 10 * polls + " orders, committed offset " + stands);
                    if (stands != done) fail("committed " + stands + ", not " + done);
                }
            }

            // Read, process, write: batch 2 is aborted at its first attempt, and read again from the committed offset.
            var settings = with(client, "group.id", group, "enable.auto.commit", false, "isolation.level", "read_committed");
            try (var consumer = new KafkaConsumer<>(settings, IN, IN);
                    var till = new KafkaProducer<>(with(client, "transactional.id", group), OUT, OUT)) {
                till.initTransactions();
                consumer.subscribe(List.of(orders));
                for (int attempt = 1; attempt <= 4; attempt++) {
                    var batch = consumer.poll(LIMIT);
                    till.beginTransaction();
                    batch.forEach(order -> till.send(new ProducerRecord<>(payments, order.key(), order.value())));
                    till.sendOffsetsToTransaction(batch.nextOffsets(), consumer.groupMetadata());
                    till.flush();
                    if (attempt == 2) {
                        till.abortTransaction();
                        consumer.committed(Set.of(partition)).forEach(consumer::seek); // an abort does not rewind
                    } else till.commitTransaction();
                }
            }
            int uncommitted = total(client, payments, "read_uncommitted"), committed = total(client, payments, "read_committed");
            System.out.println("total of payments: read_uncommitted " + uncommitted + ", read_committed " + committed);
            if (committed != 465 || uncommitted != 465 + 155) fail("the totals are wrong");
            System.out.println("PASS 30 orders of 465 in all, payments of 465, one batch aborted and repeated");
        }
    }

    static int total(Map<String, Object> client, String topic, String level) {
        int sum = 0;
        try (var consumer = new KafkaConsumer<>(with(client, "isolation.level", level), IN, IN)) {
            var partition = new TopicPartition(topic, 0);
            consumer.assign(List.of(partition));
            consumer.seekToBeginning(List.of(partition));
            long last = consumer.endOffsets(List.of(partition)).get(partition), end = System.nanoTime() + LIMIT.toNanos();
            while (consumer.position(partition) < last && System.nanoTime() < end)
                for (var payment : consumer.poll(Duration.ofMillis(200))) sum += Integer.parseInt(payment.value());
        }
        return sum;
    }

    static Map<String, Object> with(Map<String, Object> client, Object... more) {
        Map<String, Object> settings = new HashMap<>(client);
        for (int i = 0; i < more.length; i += 2) settings.put((String) more[i], more[i + 1]);
        return settings;
    }

    static void fail(String why) {
        System.out.println("FAIL " + why);
        System.exit(1);
    }
}
