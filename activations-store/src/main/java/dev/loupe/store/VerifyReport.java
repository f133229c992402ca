package dev.loupe.store;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.List;

/**
 * What {@code verify} found.
 *
 * @param files how many files were read
 * @param bytes how many bytes were compared with a checksum
 * @param problems one sentence each; none if the store is whole
 */
public record VerifyReport(int files, long bytes, List<String> problems) {
    /** Whether every byte is the one once written. */
    @JsonProperty
    public boolean ok() {
        return problems.isEmpty();
    }
}
