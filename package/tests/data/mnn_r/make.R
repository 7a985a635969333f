# Simulates three small batches and corrects them with mnnCorrect of Bioconductor's batchelor, once for each setting.
# Run in this folder: Rscript make.R. See README.md for what made the stored files.

suppressMessages({
  library(batchelor)
  library(SummarizedExperiment)
})

simulate <- function() {
  set.seed(2018, kind = "Mersenne-Twister", normal.kind = "Inversion")
  n_genes <- 12
  profile <- rbind(rep(c(3, 0.4, 0.4), each = 4), rep(c(0.4, 3, 0.4), each = 4), rep(c(0.4, 0.4, 3), each = 4))
  types <- list(first = rep(1:3, c(12, 10, 8)), second = rep(1:2, c(14, 12)), third = rep(c(1, 3), c(10, 14)))
  shift <- list(first = 0, second = runif(n_genes, 0, 1.2), third = runif(n_genes, 0, 1.2))
  batch <- function(name) {
    mean <- sweep(profile[types[[name]], ], 2, shift[[name]], "+")
    round(pmax(mean + rnorm(length(mean), sd = 0.35), 0), 4)
  }
  lapply(c(first = "first", second = "second", third = "third"), batch)
}

settings <- list(
  default = list(),
  k5 = list(k = 5),
  no_var_adj = list(k = 5, var.adj = FALSE),
  svd_dim2 = list(k = 5, svd.dim = 2, sigma = 0.3),
  log_out = list(k = 5, cos.norm.out = FALSE),
  cosine_out = list(k = 5, cos.norm.in = FALSE, sigma = 0.8),
  no_cosine = list(k = 8, cos.norm.in = FALSE, cos.norm.out = FALSE, sigma = 2)
)

write_cells <- function(cells, batch, file) {
  numbers <- matrix(sprintf("%.7g", cells), nrow(cells), dimnames = list(NULL, paste0("g", seq_len(ncol(cells)))))
  write.csv(data.frame(batch = batch, numbers), file, row.names = FALSE, quote = FALSE)
}

batches <- simulate()
labels <- rep(names(batches), vapply(batches, nrow, 0L))
write_cells(do.call(rbind, batches), labels, "input.csv")

pairs <- list()
for (name in names(settings)) {
  corrected <- do.call(mnnCorrect, c(lapply(unname(batches), t), settings[[name]]))
  write_cells(t(as.matrix(assay(corrected, "corrected"))), labels, paste0(name, ".csv"))
  n_pairs <- vapply(as.list(metadata(corrected)$merge.info$pairs), nrow, 0L)
  pairs[[name]] <- data.frame(setting = name, batch = names(batches)[-1], n_pairs = n_pairs)
}
write.csv(do.call(rbind, pairs), "pairs.csv", row.names = FALSE, quote = FALSE)
