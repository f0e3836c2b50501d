import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.CommitFailedException;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.errors.RebalanceInProgressException;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** Lesson 2.4 in Java: work in pieces, poll meanwhile, and go from eager to cooperative to KIP-848 at work. */
public class RebalanceStorms {
    static final String EAGER = "org.apache.kafka.clients.consumer.RangeAssignor";
    static final String COOPERATIVE = "org.apache.kafka.clients.consumer.CooperativeStickyAssignor";

    /** The four stages of a member's life; each differs in one setting from the one before. */
    static final List<Map<String, Object>> STAGES = List.of(
        classic(EAGER), classic(COOPERATIVE + "," + EAGER), classic(COOPERATIVE), Map.of("group.protocol", "consumer"));

    static Map<String, Object> classic(String assignors) {
        return Map.of("group.protocol", "classic", "partition.assignment.strategy", assignors,
            "heartbeat.interval.ms", 500); // for a lesson's patience
    }

    static final int ORDERS = 100 * 2 * 3; // for each of two members, at each of three changes

    final Set<String> handled = ConcurrentHashMap.newKeySet();
    final CountDownLatch open = new CountDownLatch(ORDERS);
    final String bootstrap, name;

    RebalanceStorms(String bootstrap, String name) {
        this.bootstrap = bootstrap;
        this.name = name;
    }

    /** A member: at most five records at a time (Java has a setting for it), another thread works, this one polls. */
    void member(int stage, AtomicBoolean over, CountDownLatch joined) {
        var settings = new ConcurrentHashMap<String, Object>(Map.of(
            "bootstrap.servers", bootstrap, "group.id", name, "max.poll.records", 5, "max.poll.interval.ms", 10_000,
            "auto.offset.reset", "earliest", "enable.auto.commit", false));
        settings.putAll(STAGES.get(stage));
        try (var consumer = new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
            consumer.subscribe(List.of(name));
            var kept = new ArrayList<ConsumerRecords<String, String>>();
            while (!over.get()) {
                kept.add(consumer.poll(Duration.ofMillis(100)));
                if (!consumer.assignment().isEmpty()) {
                    joined.countDown();
                }
                var batch = List.copyOf(kept);
                kept.clear();
                var work = CompletableFuture.runAsync(() -> batch.forEach(records ->
                    records.forEach(record -> handle(record.value()))));
                while (!work.isDone()) {
                    consumer.pause(consumer.assignment());
                    kept.add(consumer.poll(Duration.ofMillis(10))); // of a partition that came meanwhile
                }
                consumer.resume(consumer.paused());
                work.join();
                try {
                    if (kept.stream().allMatch(ConsumerRecords::isEmpty)) { // or it would pass over what is kept
                        consumer.commitSync();
                    }
                } catch (CommitFailedException | RebalanceInProgressException refused) {
                    // if the partition has moved, the batch is done again; otherwise the next commit covers it
                }
            }
        }
    }

    void handle(String order) {
        if (handled.add(order)) {
            open.countDown();
        }
    }

    /** A member in a thread of its own, once it owns something. */
    Map.Entry<AtomicBoolean, CompletableFuture<Void>> join(int stage) throws InterruptedException {
        var over = new AtomicBoolean();
        var joined = new CountDownLatch(1);
        var running = CompletableFuture.runAsync(() -> member(stage, over, joined));
        if (!joined.await(30, TimeUnit.SECONDS)) {
            throw new IllegalStateException("a member of stage " + stage + " got no partition in 30 s");
        }
        return Map.entry(over, running);
    }

    public static void main(String[] arguments) throws InterruptedException, ExecutionException {
        var shop = new RebalanceStorms(arguments[0], arguments[1]);
        int count = 0;
        try (var admin = Admin.create(Map.of("bootstrap.servers", shop.bootstrap));
             var producer = new KafkaProducer<>(Map.of("bootstrap.servers", shop.bootstrap),
                 new StringSerializer(), new StringSerializer())) {
            admin.createTopics(List.of(new NewTopic(shop.name, 6, (short) 3))).all().get();
            var members = new ArrayList<>(List.of(shop.join(0), shop.join(0)));
            for (int stage = 1; stage < STAGES.size(); stage++) {
                for (int i = 0; i < members.size(); i++) {
                    var old = members.get(i);
                    old.getKey().set(true);
                    old.getValue().get();
                    for (int n = 0; n < 100; n++) {
                        producer.send(new ProducerRecord<>(shop.name, "order " + count, String.valueOf(count++)));
                    }
                    members.set(i, shop.join(stage));
                }
                var told = admin.describeConsumerGroups(List.of(shop.name)).all().get().get(shop.name);
                System.out.println("stage " + stage + ": " + told.type() + " " + told.partitionAssignor());
            }
            producer.flush();
            shop.open.await(30, TimeUnit.SECONDS);
            for (var member : members) {
                member.getKey().set(true);
                member.getValue().get();
            }
        }
        boolean passed = shop.open.getCount() == 0;
        System.out.println((passed ? "PASS" : "FAIL") + "  from eager to cooperative to KIP-848 at work: lost "
            + shop.open.getCount() + " of " + count);
        System.exit(passed ? 0 : 1);
    }
}
