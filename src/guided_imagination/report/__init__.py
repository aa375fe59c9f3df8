"""From tidy results and expansions to tables, figures, contact sheets and one page, all views of the same rows."""
