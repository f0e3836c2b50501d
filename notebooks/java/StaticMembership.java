import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.StringDeserializer;

/** Lesson 2.2: member B is restarted, without and with a name that outlives it; how often A is called back. */
public class StaticMembership {
    public static void main(String[] args) throws Exception {
        String topic = args[1] + "-orders";
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", args[0]))) {
            admin.createTopics(List.of(new NewTopic(topic, 4, (short) 1))).all().get();
        }
        int dynamic = restart(args[0], args[1] + "-dynamic", topic, false);
        int fixed = restart(args[0], args[1] + "-static", topic, true);
        System.out.println("A was called back " + dynamic + " times without static ids, " + fixed + " times with them");
        if (dynamic == 0 || fixed != 0) {
            System.out.println("FAIL");
            System.exit(1);
        }
        System.out.println("PASS a static member's restart was heard by nobody");
    }

    /** A and B share four partitions; B closes and comes back. How often was A called back meanwhile? */
    static int restart(String servers, String group, String topic, boolean named) {
        int[] calls = {0};
        ConsumerRebalanceListener counting = new ConsumerRebalanceListener() {
            @Override public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
                calls[0]++;
            }

            @Override public void onPartitionsAssigned(Collection<TopicPartition> partitions) {
                calls[0]++;
            }
        };
        try (var a = member(servers, group, named ? "A" : null)) {
            a.subscribe(List.of(topic), counting);
            try (var b = member(servers, group, named ? "B" : null)) {
                b.subscribe(List.of(topic));
                share(a, b);
                calls[0] = 0;
            } // the end of this block closes B; a static member says no goodbye
            try (var again = member(servers, group, named ? "B" : null)) {
                again.subscribe(List.of(topic));
                share(a, again);
                return calls[0];
            }
        }
    }

    static KafkaConsumer<String, String> member(String servers, String group, String name) {
        Map<String, Object> settings = new HashMap<>(Map.of(
            "bootstrap.servers", servers,
            "group.id", group,
            "partition.assignment.strategy", RangeAssignor.class.getName(),
            "session.timeout.ms", 30_000, // longer than a restart takes
            "heartbeat.interval.ms", 500));
        if (name != null) {
            settings.put("group.instance.id", name); // the same after the restart
        }
        return new KafkaConsumer<>(settings, new StringDeserializer(), new StringDeserializer());
    }

    /** Poll both until each owns two partitions. */
    static void share(KafkaConsumer<String, String> a, KafkaConsumer<String, String> b) {
        for (long end = System.nanoTime() + 30_000_000_000L; System.nanoTime() < end; ) {
            a.poll(Duration.ofMillis(100));
            b.poll(Duration.ofMillis(100));
            if (a.assignment().size() == 2 && b.assignment().size() == 2) {
                return;
            }
        }
        throw new IllegalStateException("A and B did not come to share the partitions");
    }
}
