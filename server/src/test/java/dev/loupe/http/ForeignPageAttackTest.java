package dev.loupe.http;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Pages of other sites in the browser of somebody who uses this server, and names that were made to lead to it. */
class ForeignPageAttackTest {
    @TempDir
    static Path folder;

    private static Http http;

    @BeforeAll
    static void start() {
        http = new Http(folder.resolve("open"), null);
    }

    @AfterAll
    static void stop() {
        http.close();
    }

    /** What browsers say about requests of images, scripts, frames and fetches (Fetch Metadata). */
    @ParameterizedTest
    @CsvSource({
        "cross-site, no-cors, image, 403",
        "cross-site, no-cors, script, 403",
        "cross-site, cors, empty, 403",
        "same-site, cors, empty, 403",
        "cross-site, navigate, iframe, 403",
        "cross-site, navigate, object, 403",
        "cross-site, navigate, document, 200",
        "same-origin, cors, empty, 200",
        "none, navigate, document, 200"
    })
    void whatAnotherSitesPageFetchesOrEmbedsIsRefusedAndALinkIsNot(String site, String mode, String dest, int status)
            throws Exception {
        for (String path : List.of("/api/models", "/v1/models", "/api/docs")) {
            assertThat(http.get(path, "Sec-Fetch-Site", site, "Sec-Fetch-Mode", mode, "Sec-Fetch-Dest", dest)
                            .statusCode())
                    .as(path)
                    .isEqualTo(status);
        }
        if (status == 403) {
            assertThat(http.post("/v1/completions", "{}", "Sec-Fetch-Site", site)
                            .statusCode())
                    .isEqualTo(403);
        }
    }

    @Test
    void noAnswerGivesAnotherOriginTheRightToReadIt() throws Exception {
        for (String path : List.of("/api/models", "/v1/models", "/")) {
            var headers = http.get(path, "Origin", "http://evil.example").headers();
            assertThat(headers.firstValue("access-control-allow-origin")).isEmpty();
            assertThat(headers.firstValue("cross-origin-resource-policy")).hasValue("same-origin");
        }
    }

    @Test
    void aServerForAllAddressesAnswersToItsOwnNamesAlone() {
        Hosts all = new Hosts("0.0.0.0", List.of("loupe.lab.example", ""));
        assertThat(all.has("localhost:7070")).isTrue();
        assertThat(all.has("Loupe.Lab.Example")).isTrue();
        assertThat(all.has("127.0.0.1:80")).isTrue();
        assertThat(all.has("evil.example")).isFalse();
        assertThat(all.has("")).isFalse();
        assertThat(all.has(null)).isFalse();
        assertThat(new Hosts("127.0.0.1", List.of()).has("loupe.lab.example")).isFalse();
        assertThat(new Hosts("::1", List.of()).has("[::1]:7070")).isTrue();
    }
}
