package dev.loupe.compare;

/** Where a long pass over cosines keeps its finished part, so that a killed one goes on from there. */
interface CandidateFile {
    /** Keeps nothing. */
    CandidateFile NONE = new CandidateFile() {
        @Override
        public int restore(TopLists byRow, TopLists byColumn) {
            return 0;
        }

        @Override
        public void save(TopLists byRow, TopLists byColumn, int columnsDone) {}
    };

    /** Fills the lists with what was kept and tells how many columns that covers; 0 if nothing fits. */
    int restore(TopLists byRow, TopLists byColumn);

    /** Keeps the lists, of which the first columns are done; may decide that it is too early. */
    void save(TopLists byRow, TopLists byColumn, int columnsDone);
}
