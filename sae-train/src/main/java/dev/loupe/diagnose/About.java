package dev.loupe.diagnose;

import java.util.List;
import java.util.Set;
import tools.jackson.databind.PropertyNamingStrategies.SnakeCaseStrategy;
import tools.jackson.databind.annotation.JsonNaming;

/**
 * What a diagnostic says about itself.
 *
 * @param id its name in commands and addresses, for example {@code non-zero-share}
 * @param topic the heading it is listed under
 * @param question what it answers, in plain language
 * @param definition what exactly is computed: formulas in words, units
 * @param needs what it looks at: all of these
 * @param sources the papers, at least one
 */
@JsonNaming(SnakeCaseStrategy.class)
public record About(String id, Topic topic, String question, String definition, Set<Need> needs, List<Source> sources) {
    /** One with its papers. */
    public static About of(
            String id, Topic topic, String question, String definition, Set<Need> needs, Source... sources) {
        return new About(id, topic, question, definition, needs, List.of(sources));
    }
}
