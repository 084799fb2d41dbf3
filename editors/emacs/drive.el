;; Drives `recorder dap' by dap-mode, in an Emacs without a screen:
;;
;;   emacs --batch -l drive.el PYTHON FOLDER
;;
;; PYTHON has the recorder installed; FOLDER is for the program and its trace. What does not hold ends it with a status of 1.

(package-initialize)
(require 'dap-mode)
(load (expand-file-name "driving.el" (file-name-directory load-file-name)))

(defvar stops 0)
(defvar dap-exception-breakpoints nil) ; which the package of Debian 12 forgets

(dap-register-debug-provider
 "recorder"
 (lambda (conf) (plist-put conf :dap-server-path (list python "-m" "recorder" "dap"))))

(defun frame () (dap--debug-session-active-frame (dap--cur-session)))

(defun moves (act line what)
  (let ((before stops))
    (funcall act)
    (wait-for what (lambda () (and (> stops before) (frame) (= line (gethash "line" (frame))))))))

(defun value (expression)
  (let (result)
    (dap--send-message
     (dap--make-request "evaluate" (list :expression expression :frameId (gethash "id" (frame))))
     (lambda (answer) (setq result (gethash "result" (gethash "body" answer))))
     (dap--cur-session))
    (wait-for expression (lambda () result))
    result))

(defun back (command)
  "Goes back: \"stepBack\" or \"reverseContinue\", for which dap-mode has no command of its own."
  (interactive (list (completing-read "Back by: " '("stepBack" "reverseContinue") nil t)))
  (let ((session (dap--cur-session)))
    (dap--send-message
     (dap--make-request command (list :threadId (dap--debug-session-thread-id session)))
     (dap--resp-handler)
     session)))

(add-hook 'dap-stack-frame-changed-hook (lambda (&rest _) (setq stops (1+ stops))))
(setq dap-auto-configure-features nil
      dap-auto-show-output nil
      lsp-session-file (concat folder "lsp-session"))

(find-file program)
(goto-char (point-min))
(forward-line 3)
(dap-breakpoint-add)
(moves (lambda ()
         (dap-debug (list :type "recorder" :request "launch" :name "Record" :program program :cwd folder)))
       1 "the first line")
(moves (lambda () (dap-continue (dap--cur-session) (dap--debug-session-thread-id (dap--cur-session)))) 4 "the breakpoint")
(unless (equal (value "price") "1") (kill-emacs 1))
(moves (lambda () (dap-next (dap--cur-session))) 3 "a step")
(moves (lambda () (back "stepBack")) 4 "a step back")
(moves (lambda () (dap-continue (dap--cur-session) (dap--debug-session-thread-id (dap--cur-session)))) 4 "it again")
(unless (equal (value "price") "2") (kill-emacs 1))
(moves (lambda () (back "reverseContinue")) 4 "the one before")
(unless (equal (value "price") "1") (kill-emacs 1))
(dap-disconnect (dap--cur-session))
(message "all of it holds")
(kill-emacs 0)
