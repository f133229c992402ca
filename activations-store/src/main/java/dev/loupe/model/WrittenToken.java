package dev.loupe.model;

import java.util.List;

/**
 * A token as it is written.
 *
 * @param id its id
 * @param text the text that became certain with it; see {@link TokenListener#token(int, String, float)}
 * @param logProb natural logarithm of its probability, before penalties, temperature and cuts; NaN unless asked for
 * @param alternatives the most likely tokens at its place, most likely first; as many as were asked for
 */
public record WrittenToken(int id, String text, float logProb, List<Candidate> alternatives) {}
