package dev.loupe.graph;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.loupe.base.LoupeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GraphImportTest {
    @TempDir
    Path folder;

    private Path graph(String tokens, String layer) throws IOException {
        return Files.writeString(folder.resolve("graph.json"), """
                {"metadata": {"slug": "made", "scan": "x", "prompt_tokens": %s, "prompt": "a", "schema_version": 1},
                 "nodes": [
                  {"node_id": "0_5_1", "layer": "%s", "ctx_idx": 1, "feature_type": "cross layer transcoder",
                   "feature": 5, "activation": 1.5},
                  {"node_id": "6_9_1", "layer": "6", "ctx_idx": 1, "feature_type": "logit", "clerp": " the",
                   "token_prob": 0.25, "is_target_logit": true}],
                 "links": [{"source": "0_5_1", "target": "6_9_1", "weight": 0.5}]}
                """.formatted(tokens, layer));
    }

    @Test
    void aGraphWithoutTokensOrWithTooManyLayersIsRefused() throws IOException {
        assertThat(GraphImport.read(graph("[\"<bos>\", \" a\"]", "0")).graph().nodes())
                .hasSize(2);
        assertThatThrownBy(() -> GraphImport.read(graph("[]", "0")))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("at 0 tokens");
        assertThatThrownBy(() -> GraphImport.read(graph("[\"<bos>\", \" a\"]", "2000000000")))
                .isInstanceOf(LoupeException.class)
                .hasMessageContaining("too large");
    }
}
