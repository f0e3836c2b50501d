import static java.nio.charset.StandardCharsets.UTF_8;

import com.rabbitmq.client.*;
import java.util.concurrent.atomic.AtomicInteger;

/** Lesson 3.1: a consumer that never acknowledges holds as many as its prefetch; another one gets them when its channel closes. */
public class PrefetchedConsumer {
    public static void main(String[] args) throws Exception {
        ConnectionFactory factory = new ConnectionFactory();
        factory.setUri(System.getenv("AMQP_URL"));
        String queue = args[0] + "-tasks";
        AtomicInteger held = new AtomicInteger(), done = new AtomicInteger(), again = new AtomicInteger();
        try (Connection connection = factory.newConnection(); Channel channel = connection.createChannel()) {
            channel.queueDeclare(queue, true, false, false, null);
            for (int n = 0; n < 30; n++) channel.basicPublish("", queue, null, ("task " + n).getBytes(UTF_8));

            Channel hanging = connection.createChannel();
            hanging.basicQos(10); // without it, all 30 would be its own
            hanging.basicConsume(queue, false, (tag, message) -> held.incrementAndGet(), tag -> {});
            until(() -> held.get() == 10 && channel.messageCount(queue) == 20);
            System.out.println("prefetch 10: it holds " + held + ", " + channel.messageCount(queue) + " are ready");
            hanging.close(); // what it held goes back

            channel.basicQos(10);
            DeliverCallback work = (tag, message) -> {
                if (message.getEnvelope().isRedeliver()) again.incrementAndGet();
                channel.basicAck(message.getEnvelope().getDeliveryTag(), false); // after the work
                done.incrementAndGet();
            };
            channel.basicConsume(queue, false, work, tag -> {});
            until(() -> done.get() == 30);
            System.out.println("the next one did " + done + ", " + again + " of them marked as redelivered");
            channel.queueDelete(queue);
            if (held.get() != 10 || again.get() != 10) {
                System.out.println("FAIL");
                System.exit(1);
            }
            System.out.println("PASS prefetch is the limit of what a consumer holds, and what it held came again");
        }
    }

    interface Condition {
        boolean holds() throws Exception;
    }

    static void until(Condition condition) throws Exception {
        long deadline = System.nanoTime() + 20_000_000_000L;
        while (!condition.holds()) {
            if (System.nanoTime() > deadline) throw new IllegalStateException("not within 20 s");
            Thread.sleep(20);
        }
    }
}
