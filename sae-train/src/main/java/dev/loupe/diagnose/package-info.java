/**
 * Diagnostics from the literature: one question about a model, a store or an SAE, one class, one result. Those that are
 * run together share what they read: {@link dev.loupe.diagnose.DiagnosticRun} reads each stream once a round.
 *
 * <h2>Adding one</h2>
 *
 * Write one class in the package of its topic, add it to {@link dev.loupe.diagnose.gallery.Diagnostics}, and write a test whose
 * answer is known. Command, API and pages need nothing more. This one asks how many neurons are above zero:
 *
 * {@snippet lang = java:
 * public final class AboveZero implements Diagnostic {
 *     public About about() {
 *         return About.of("above-zero", Topic.SPARSITY, "How many neurons are above zero?",
 *                 "Mean number of values above 0 in mlp.hook_post of the first block, over tokens.",
 *                 Set.of(Need.MODEL), Source.paper("Deep Learning using Rectified Linear Units", "arXiv 1803.08375"));
 *     }
 *
 *     public Study begin(Subject subject) {
 *         HookPoint hook = HookPoint.mlpPost(0);
 *         return new SinglePass() {
 *             private long tokens;
 *             private long above;
 *
 *             protected Wants all() {
 *                 return Wants.model(List.of(hook)); // or Wants.rows(...), Wants.codes(sae), Wants.trials(...)
 *             }
 *
 *             public void see(ModelPass pass) {
 *                 pass.ordinary(hook, (row, b, p) -> {
 *                     tokens++;
 *                     for (float v : row) {
 *                         above += v > 0 ? 1 : 0;
 *                     }
 *                 });
 *             }
 *
 *             public Finding finding() {
 *                 double mean = (double) above / tokens;
 *                 ResultTable table = ResultTable.of("above:number:mean number of neurons").row(mean);
 *                 return new Finding("On average " + mean + " neurons are above zero.",
 *                         Map.of("above", mean), table, List.of());
 *             }
 *         };
 *     }
 * }
 * }
 *
 * Its test gives a model that holds what it likes: {@code new GivenModel(1, 4).with(HookPoint.mlpPost(0), (ids, p) ->
 * new float[] {1, 0, -1, 2}).reading(3, 7)}, and expects 2. What needs several rounds (a calibration, then changes tried)
 * implements {@link dev.loupe.diagnose.Study} and says in {@code wants()} what comes next.
 */
@NullMarked
package dev.loupe.diagnose;

import org.jspecify.annotations.NullMarked;
