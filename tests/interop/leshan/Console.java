// SPDX-License-Identifier: Apache-2.0
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;

/**
 * The line protocol between the test driver and a Leshan peer.
 *
 * <p>Standard input: one command a line, words separated by spaces; each is answered by exactly one line "ANSWER ..."
 * on standard output. "EVENT ..." lines may come at any time. A closed standard input ends the peer, so that no peer
 * outlives the driver.
 */
final class Console {
    interface Commands {
        String run(String[] words) throws Exception;
    }

    private Console() {
    }

    static synchronized void say(String kind, String text) {
        System.out.println(kind + " " + text.replace('\n', ' ').replace('\r', ' '));
        System.out.flush();
    }

    static void event(String format, Object... values) {
        say("EVENT", String.format(format, values));
    }

    static byte[] hex(String text) {
        return HexFormat.of().parseHex(text);
    }

    static void serve(Commands commands) throws Exception {
        var input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            String answer;
            try {
                answer = commands.run(line.trim().split(" "));
            } catch (Exception failure) {
                answer = "ERROR " + failure;
            }
            say("ANSWER", answer);
        }
    }
}
