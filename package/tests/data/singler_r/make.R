# Rscript make.R CELLS OUT: SingleR() with its defaults on what export.py wrote to CELLS; row, label and margin to OUT.
suppressMessages({
  library(SingleR)
  library(Matrix)
})
arguments <- commandArgs(TRUE)
folder <- arguments[1]
lines_of <- function(name) readLines(file.path(folder, paste0(name, ".txt")))
genes <- lines_of("genes")
# ln(1 + x) of counts scaled to 10,000 a cell, done here in R as well
cells_of <- function(name) {
  counts <- as(readMM(file.path(folder, paste0(name, ".mtx"))), "CsparseMatrix")
  logged <- log1p(t(t(counts) / colSums(counts)) * 1e4)
  dimnames(logged) <- list(genes, paste(name, seq_len(ncol(logged))))
  logged
}
found <- SingleR(
  test = cells_of("query"), ref = cells_of("train"), labels = lines_of("labels"),
  genes = "de", de.method = "classic", quantile = 0.8, fine.tune = TRUE, tune.thresh = 0.05, prune = FALSE
)
out <- file(arguments[2], "w")
writeLines(sprintf("# SingleR %s, %s, made by make.sh", packageVersion("SingleR"), R.version.string), out)
writeLines("row\tlabel\tmargin", out)
writeLines(paste(lines_of("rows"), found$labels, sprintf("%.9f", found$delta.next), sep = "\t"), out)
close(out)
