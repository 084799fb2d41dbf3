;; What both drives need: the words of the command line, a program, and patience. -*- lexical-binding: t -*-

(defvar python (pop command-line-args-left))
(defvar folder (file-name-as-directory (pop command-line-args-left)))
(defvar program (concat folder "shop.py"))

(write-region "def total(prices):\n    t = 0\n    for price in prices:\n        t += price\n    return t\n\nprint(total([1, 2, 3]))\n" nil program)

(defun wait-for (what is-so)
  "Gives Emacs's processes a minute until IS-SO; else all is over, and WHAT was in vain."
  (let ((tries 0))
    (while (not (funcall is-so))
      (accept-process-output nil 0.05)
      (when (> (setq tries (1+ tries)) 1200)
        (message "in vain: %s" what)
        (kill-emacs 1)))))
