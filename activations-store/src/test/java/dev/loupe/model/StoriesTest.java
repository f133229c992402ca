package dev.loupe.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.loupe.fixtures.SharedFiles;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * The model stories260K of github.com/karpathy/llama2.c as a GGUF file: what it writes from BOS alone without sampling is
 * published in that project's {@code doc/stories260K.md}.
 */
class StoriesTest {
    private static final String PUBLISHED = """
            Once upon a time, there was a little girl named Lily. She loved to play outside in the park. One day, she saw a big, red ball. She wanted to play with it, but it was too high.
            Lily's mom said, "Lily, let's go to the park." Lily was sad and didn't know what to do. She said, "I want to play with your ball, but I can't find it."
            Lily was sad and didn't know what to do. She said, "I'm sorry, Lily. I didn't know what to do."
            Lily didn't want to help her mom, so she said, "I'm sorry, mom. I didn't know what to do." Her mom said, "Don't worry, Lily. We can help you.""";

    private static final String REASON = "The published text of stories260K is not reproduced.";

    @TempDir
    Path folder;

    @Test
    void the_published_story_is_written_byte_for_byte() throws IOException {
        Path file = SharedFiles.require("models/stories260K/stories260Ktok512.gguf", REASON);
        byte[] bytes = Files.readAllBytes(file);
        // its converter wrote a context of 128 for every model; the checkpoint itself says 512, the story has 257
        // tokens
        int at = new String(bytes, StandardCharsets.ISO_8859_1).indexOf("llama.context_length") + 20 + 4;
        ByteBuffer numbers = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        assertThat(numbers.getInt(at)).isEqualTo(128);
        numbers.putInt(at, 512);
        Path longer = folder.resolve("stories.gguf");
        Files.write(longer, bytes);
        assertThat(story(longer, 256)).isEqualTo(PUBLISHED);
    }

    @Test
    void the_file_as_it_is_writes_as_much_as_its_context_allows() {
        Path file = SharedFiles.require("models/stories260K/stories260Ktok512.gguf", REASON);
        String story = story(file, 1000);
        assertThat(PUBLISHED).startsWith(story);
        assertThat(story.length()).isGreaterThan(200);
    }

    private static String story(Path file, int tokens) {
        try (LanguageModel model = LanguageModels.open(file, ModelOptions.defaults())) {
            int[] prompt = model.tokenizer().encode("");
            assertThat(prompt).containsExactly(1);
            String text = model.generate(prompt, Sampling.greedy(tokens), Taps.none(), TokenListener.silent())
                    .text();
            assertThat(text).startsWith(" "); // SentencePiece marks the first word with a space
            return text.substring(1);
        }
    }
}
