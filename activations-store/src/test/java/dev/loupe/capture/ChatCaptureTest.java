package dev.loupe.capture;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.LoupeException;
import dev.loupe.base.Progress;
import dev.loupe.corpus.Packing;
import dev.loupe.store.ActivationStore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class ChatCaptureTest {
    private static final String CHATML =
            "{{ strftime_now('%Y') }}{% for m in messages %}<{{ m.role }}>{{ m.content | trim }}</s>\n{% endfor %}";

    @TempDir
    Path folder;

    private CaptureRequest request(String name, String lines) throws IOException {
        Path text = Files.writeString(folder.resolve("chats.jsonl"), lines);
        return CaptureRequest.of(name, folder, "toy", text.toString(), List.of("blocks.0.hook_resid_post"), 1_000_000)
                .withHeldOut("0");
    }

    private static ToyModel chatty() {
        ToyModel model = new ToyModel();
        model.chatTemplate = CHATML;
        return model;
    }

    private static String lines(int count) {
        StringBuilder lines = new StringBuilder();
        for (int i = 0; i < count; i++) {
            String said = "number " + i + " ".repeat(i % 3);
            lines.append(
                    switch (i % 4) {
                        case 0 ->
                            "{\"messages\": [{\"role\": \"user\", \"content\": \"" + said
                                    + "\"}, {\"role\": \"assistant\", \"content\": \"yes " + i + "\"}]}";
                        case 1 ->
                            "{\"conversations\": [{\"from\": \"human\", \"value\": \"" + said
                                    + "\"}, {\"from\": \"gpt\", \"value\": \"no " + i + "\"}]}";
                        case 2 ->
                            "{\"messages\": [{\"role\": \"system\", \"content\": \"be kind\"}, {\"role\": \"user\","
                                    + " \"content\": [{\"type\": \"text\", \"text\": \"" + said + "\"}]}]}";
                        default ->
                            "{\"conversation\": [{\"role\": \"user\", \"content\": \"" + said
                                    + "\"}, {\"role\": \"assistant\", \"content\": null}]}";
                    });
            lines.append('\n');
        }
        return lines.toString();
    }

    @ParameterizedTest
    @EnumSource(Packing.class)
    void every_token_of_a_conversation_is_labelled_with_who_says_it(Packing packing) throws IOException {
        CaptureRequest request = request("chats", lines(40)).withRules(new CaptureRules(packing, 0, null, null));
        CaptureResult result = CaptureJob.run(request, chatty(), Progress.silent());
        ToyModel.Bytes tokenizer = new ToyModel.Bytes();
        try (ActivationStore store = ActivationStore.open(result.folder())) {
            assertThat(store.manifest().content().capture()).containsKeys("chat_template", "chat_date");
            StringBuilder user = new StringBuilder();
            StringBuilder all = new StringBuilder();
            for (long r = 0; r < store.rows(); r++) {
                String token = tokenizer.token(store.tokens().tokenId(r));
                all.append(token);
                if (store.tokens().label(r).equals("user")) {
                    user.append(token);
                }
                assertThat(store.tokens().label(r)).isIn("user", "assistant", "system");
            }
            // 40 conversations, one message of a user in each, the template's words around it
            assertThat(user.toString().split("<user>", -1)).hasSize(41);
            assertThat(user.toString()).matches("((2024)?<user>number \\d+</s>\n)+");
            assertThat(all.toString())
                    .contains("2024<user>number 5</s>\n<assistant>no 5</s>\n")
                    .contains("<system>be kind</s>\n");
        }
    }

    @Test
    void what_no_template_can_render_is_refused_by_name() throws IOException {
        CaptureRequest request = request("bare", lines(8));
        assertThatThrownBy(() -> CaptureJob.run(request, new ToyModel(), Progress.silent()))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("chats.jsonl:")
                .hasMessageContaining("chat_template.jinja");
        ToyModel strict = new ToyModel();
        strict.chatTemplate = "{{ raise_exception('Roles must alternate.') }}";
        assertThatThrownBy(() -> CaptureJob.run(request, strict, Progress.silent()))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("Roles must alternate.");
        CaptureRequest image = request(
                "image",
                "{\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"image_url\", \"image_url\": {}}]}]}\n");
        assertThatThrownBy(() -> CaptureJob.run(image, chatty(), Progress.silent()))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("image_url");
    }

    @Test
    void conversations_train_straight_from_the_model_too() throws IOException {
        try (LiveBatches live = LiveBatches.open(request("live", lines(40)), chatty(), Progress.silent(), 300)) {
            assertThat(live.meanNorm("blocks.0.hook_resid_post")).isPositive();
        }
    }
}
